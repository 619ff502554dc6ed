import * as v from 'valibot';
import type { Problem } from '../problem.ts';
import { maxAssertionBodyBytes } from './assertion.ts';
import { AssertionRefused } from './assertion-refused.ts';
import type { AskedFor, Grant } from './grant.ts';
import type { AssertedCaller } from './verify-assertion.ts';

export interface GrantByAssertionParts {
  /** Rejects with AssertionRefused. */
  readonly verify: (assertion: string) => Promise<AssertedCaller>;
  readonly grant: (asked: AskedFor) => Promise<Grant | Problem>;
}

export interface AnsweredAssertion {
  readonly answer: Grant | Problem;
  /** Who asked, where that is proved. */
  readonly caller?: AssertedCaller;
  /** Why an assertion was not taken: for the log. */
  readonly refusal?: string;
}

const bodySchema = v.object({ assertion: v.string() });

/** Answers a data plane that asks with an assertion. Anyone can send a request here. */
export function grantsByAssertion(
  parts: GrantByAssertionParts,
): (body: Uint8Array, asked: AskedFor) => Promise<AnsweredAssertion> {
  return async (body, asked) => {
    // Checked before anything is parsed: a stranger may send a body of any size.
    if (body.length > maxAssertionBodyBytes) {
      return {
        answer: {
          status: 413,
          title: 'Body too large',
          detail: `A request for a grant has at most ${maxAssertionBodyBytes} bytes; this one has ${body.length}.`,
        },
      };
    }
    const read = v.safeParse(v.pipe(v.string(), v.parseJson(), bodySchema), new TextDecoder().decode(body));
    if (!read.success) {
      return {
        answer: {
          status: 400,
          title: 'No assertion',
          detail: 'Send a JSON object with an assertion: {"assertion": "<JWT>"}.',
        },
      };
    }
    try {
      const caller = await parts.verify(read.output.assertion);
      return { answer: await parts.grant(asked), caller };
    } catch (error) {
      if (error instanceof AssertionRefused) {
        return { answer: assertionProblem(error), refusal: error.message };
      }
      throw error;
    }
  };
}

/**
 * A wrong clock is explained to the sender, who has shown a data plane's key by then. Other reasons would
 * tell a stranger more than they help an operator.
 */
function assertionProblem({ code, message }: AssertionRefused): Problem {
  return {
    status: 401,
    title: 'Assertion refused',
    detail:
      code === 'time'
        ? message
        : 'This is not an assertion that a data plane of this control plane made with its cluster certificate. The function’s log says why.',
  };
}

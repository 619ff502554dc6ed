import * as v from 'valibot';

const listed = v.pipe(
  v.union([v.string(), v.array(v.string())]),
  v.transform((value) => [value].flat()),
);
const conditionValue = v.pipe(
  v.union([v.string(), v.number(), v.array(v.string())]),
  v.transform((value) => [value].flat().map(String)),
);

const statement = v.strictObject({
  Sid: v.optional(v.string()),
  Effect: v.picklist(['Allow', 'Deny']),
  Principal: v.optional(v.unknown()),
  Action: listed,
  Resource: v.optional(listed),
  NotResource: v.optional(listed),
  Condition: v.optional(v.record(v.string(), v.record(v.string(), conditionValue)), {}),
});

export const policyDocument = v.object({ Version: v.literal('2012-10-17'), Statement: v.array(statement) });

export type Statement = v.InferOutput<typeof statement>;

/** One request, as IAM sees it. */
export interface Request {
  /** ARN of the caller's role; undefined for a caller who has none. */
  readonly principal: string | undefined;
  readonly action: string;
  readonly resource: string;
  /** Condition keys of the request; a key that is missing here is missing there. */
  readonly context: Readonly<Record<string, string>>;
}

/** The statements that apply to a request (IAM User Guide, "Policy evaluation logic"). */
export function applying(
  statements: readonly Statement[],
  effect: Statement['Effect'],
  request: Request,
): readonly Statement[] {
  const context: Request['context'] = {
    ...request.context,
    ...(request.principal === undefined ? {} : { 'aws:PrincipalArn': request.principal }),
  };
  return statements.filter(
    ({ Effect, Action, Resource, NotResource, Condition }) =>
      Effect === effect &&
      Action.some((pattern) => isLike(request.action, pattern)) &&
      (Resource === undefined || Resource.some((pattern) => isLike(request.resource, pattern))) &&
      !NotResource?.some((pattern) => isLike(request.resource, pattern)) &&
      Object.entries(Condition).every(([operator, keys]) =>
        Object.entries(keys).every(([key, values]) => holds(operator, context[key], values)),
      ),
  );
}

/** A short name of a statement: its sid, or the keys of its condition. */
export function nameOf({ Sid, Condition }: Statement): string {
  return Sid ?? Object.values(Condition).flatMap(Object.keys).join();
}

/**
 * One condition (IAM User Guide, "Condition operators": without the key, what is negated holds and what is
 * not does not).
 */
function holds(operator: string, given: string | undefined, values: readonly string[]): boolean {
  switch (operator) {
    case 'Null':
      return values.includes(String(given === undefined));
    case 'Bool':
    case 'StringEquals':
      return given !== undefined && values.includes(given);
    case 'StringLike':
    case 'ArnLike':
      return given !== undefined && values.some((pattern) => isLike(given, pattern));
    case 'ArnNotEquals':
    case 'StringNotEqualsIfExists':
      return given === undefined || !values.includes(given);
    case 'NumericGreaterThan':
      return given !== undefined && values.some((value) => Number(given) > Number(value));
    case 'NumericLessThan':
      return given !== undefined && values.some((value) => Number(given) < Number(value));
    default:
      throw new Error(`the policies use ${operator}, which this reader does not know yet`);
  }
}

function isLike(text: string, pattern: string): boolean {
  const escaped = pattern.replaceAll(/[.+^${}()|[\]\\]/g, '\\$&');
  return new RegExp(`^${escaped.replaceAll('*', '.*').replaceAll('?', '.')}$`).test(text);
}

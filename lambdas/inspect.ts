import type { APIGatewayProxyStructuredResultV2 } from 'aws-lambda';
import { systemClock } from '../core/clock.ts';
import { inspections } from '../core/inspect/inspection.ts';
import { connectPatiently } from '../core/patient-connections.ts';
import { inspectEnvironment } from './environment/inspect.ts';
import { readEnvironment } from './environment/read-environment.ts';
import { jsonAnswer, problemAnswer } from './http-answer.ts';
import { inOurWords } from './in-our-words.ts';
import { inspectionCall } from './inspect-event.ts';
import { logInspection } from './inspect-log.ts';
import { connectVault } from './vault-connection.ts';

connectPatiently();
const environment = readEnvironment(inspectEnvironment, process.env);

const answer = inspections({
  name: environment.CONTROL_PLANE,
  dataPlaneVersions: environment.DATA_PLANE_VERSIONS,
  ...(await connectVault(environment)),
  clock: systemClock,
});

/**
 * Answers what people ask about a control plane's files, whom IAM has let in. It reads and decrypts; its role
 * can write nothing and sign nothing.
 */
export const handler = inOurWords(async (event: unknown): Promise<APIGatewayProxyStructuredResultV2> => {
  const call = inspectionCall(event);
  const answered = await answer(call.parameters);
  logInspection(environment.CONTROL_PLANE, call, answered);
  return 'content' in answered.answer
    ? jsonAnswer(200, answered.answer.content)
    : problemAnswer(answered.answer);
});

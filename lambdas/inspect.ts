import type { APIGatewayProxyStructuredResultV2 } from 'aws-lambda';
import { revisionGrants } from '../core/access/revision-grant.ts';
import { systemClock } from '../core/clock.ts';
import type { DrillRecord } from '../core/inspect/drill-record.ts';
import { inspections } from '../core/inspect/inspection.ts';
import { connectPatiently } from '../core/patient-connections.ts';
import { ownPresigner, runtimeCredentials } from './environment/grants.ts';
import { inspectEnvironment } from './environment/inspect.ts';
import { readEnvironment } from './environment/read-environment.ts';
import { jsonAnswer, problemAnswer } from './http-answer.ts';
import { inOurWords } from './in-our-words.ts';
import { drills, ownDrillLogs, readDrillEvent } from './inspect-drill.ts';
import { inspectionCall } from './inspect-event.ts';
import { logInspection, logRevisionGrant } from './inspect-log.ts';
import { connectVault } from './vault-connection.ts';

connectPatiently();
const environment = readEnvironment(inspectEnvironment, process.env);

const runtime = readEnvironment(runtimeCredentials, process.env);
const logs = environment.DRILL_HOURS === 0 ? undefined : ownDrillLogs(environment, runtime);
const parts = {
  name: environment.CONTROL_PLANE,
  dataPlaneVersions: environment.DATA_PLANE_VERSIONS,
  ...(await connectVault(environment)),
  clock: systemClock,
  drillLog: logs?.statusLog,
};
const playDrill = logs && drills(environment, runtime, parts, logs.drillLog);
const answer = inspections(parts);
const grant = revisionGrants({
  ...parts,
  presign: ownPresigner(environment, runtime),
  lifetimeSeconds: environment.URL_LIFETIME_SECONDS,
});

/**
 * Answers what people ask about a control plane's files, whom IAM has let in, and grants whom a right of its
 * own lets ask for a revision. It reads and decrypts; its role can write nothing and sign no document. Only
 * API Gateway may invoke it, so that nobody else can say which route a call came by, and the schedule of
 * drills, which says nothing.
 */
export const handler = inOurWords(
  async (event: unknown): Promise<APIGatewayProxyStructuredResultV2 | DrillRecord | undefined> => {
    const asked = readDrillEvent(event);
    if (asked !== undefined) {
      return playDrill?.(asked);
    }
    const call = inspectionCall(event);
    if (call.route === 'revision-grant') {
      const granted = await grant(call.parameters);
      logRevisionGrant(environment.CONTROL_PLANE, call, granted);
      return 'status' in granted.answer ? problemAnswer(granted.answer) : jsonAnswer(200, granted.answer);
    }
    const answered = await answer(call.parameters);
    logInspection(environment.CONTROL_PLANE, call, answered);
    return 'content' in answered.answer
      ? jsonAnswer(200, answered.answer.content)
      : problemAnswer(answered.answer);
  },
);

import type { APIGatewayProxyStructuredResultV2 } from 'aws-lambda';
import { type Grant, grants } from '../core/access/grant.ts';
import { grantsByAssertion } from '../core/access/grant-by-assertion.ts';
import { s3FileVersions } from '../core/access/s3-file-versions.ts';
import { assertionVerifier } from '../core/access/verify-assertion.ts';
import { systemClock } from '../core/clock.ts';
import type { Problem } from '../core/problem.ts';
import { ownPresigner, runtimeCredentials } from './environment/grants.ts';
import { presignEnvironment, readClusterTrust } from './environment/presign.ts';
import { readEnvironment } from './environment/read-environment.ts';
import { grantCall, isDrillCall } from './grant-event.ts';
import { logGrant } from './grant-log.ts';
import { jsonAnswer, problemAnswer, problemDocument } from './http-answer.ts';
import { inOurWords } from './in-our-words.ts';

const environment = readEnvironment(presignEnvironment, process.env);
const controlPlane = environment.CONTROL_PLANE;

const presign = ownPresigner(environment, readEnvironment(runtimeCredentials, process.env));

const grant = grants({
  controlPlane,
  dataPlaneVersions: environment.DATA_PLANE_VERSIONS,
  lifetimeSeconds: environment.URL_LIFETIME_SECONDS,
  presign,
  findVersion: s3FileVersions(presign, systemClock),
  clock: systemClock,
});

const byAssertion = grantsByAssertion({
  verify: assertionVerifier({ controlPlane, trust: readClusterTrust(environment), clock: systemClock }),
  grant,
});

const httpAnswer = (answer: Grant | Problem) =>
  'status' in answer ? problemAnswer(answer) : jsonAnswer(200, answer);

/**
 * Gives a data plane a short-lived URL of its file. Who asks by the API's GET route or by invoking the
 * function has been let in by IAM; who asks by the POST route shows here who it is.
 */
export const handler = inOurWords(
  async (event: unknown): Promise<APIGatewayProxyStructuredResultV2 | object> => {
    const call = grantCall(event);
    if (call.way === 'assertion') {
      const answered = await byAssertion(call.body, call.asked);
      logGrant({ controlPlane, way: call.way, ...answered });
      return httpAnswer(answered.answer);
    }
    const answer = await grant(call.asked);
    if (call.way === 'iam') {
      const { way, caller } = call;
      logGrant({ controlPlane, way, caller, answer, isDrill: isDrillCall(call, environment) });
      return httpAnswer(answer);
    }
    logGrant({ controlPlane, answer, way: call.way });
    return 'status' in answer ? problemDocument(answer) : answer;
  },
);

import * as v from 'valibot';
import { nonEmptyText } from './fields.ts';

/** What the Lambda runtime itself says of the function's log, and where that is read. */
export const drillLogEnvironment = v.object({
  AWS_LAMBDA_LOG_GROUP_NAME: nonEmptyText,
  /** The AWS SDKs' own variable for another endpoint of CloudWatch Logs; set on the local system only. */
  AWS_ENDPOINT_URL_CLOUDWATCH_LOGS: v.optional(nonEmptyText),
});

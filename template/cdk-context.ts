import { readFileSync } from 'node:fs';
import * as v from 'valibot';

const cdkJson = v.object({ context: v.record(v.string(), v.unknown()) });

/** Feature flags and settings of an app, as its cdk.json has them. */
export function readCdkContext(file: string): Readonly<Record<string, unknown>> {
  return v.parse(cdkJson, JSON.parse(readFileSync(file, 'utf8'))).context;
}

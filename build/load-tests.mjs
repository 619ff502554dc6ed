import { register } from 'node:module';
import { register as registerTypeScript } from 'tsx/esm/api';

/**
 * How a process of the test run loads its files: as Node does, TypeScript by tsx, without the sandbox that
 * Jest builds around each file (there, the proof of the policies takes four times as long, and each file
 * loads CDK and the SDK anew). So modules are shared by the files that one process runs: keep no state in
 * them.
 */
registerTypeScript();
register('./jest-globals-hooks.mjs', import.meta.url);

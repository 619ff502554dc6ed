/**
 * How the functions are bundled, for the deployment, the local system and the bench alike: one ES module each, with the AWS SDK in it, so
 * that what runs is what the lock file says, and starts cold with one file to read.
 */
export const lambdaBundling = {
  format: 'esm',
  target: 'node20',
  minify: true,
  mainFields: ['module', 'main'],
  // ws is CommonJS and requires Node's own modules.
  banner: "import{createRequire}from'node:module';const require=createRequire(import.meta.url);",
} as const;

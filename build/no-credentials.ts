/**
 * Stands for the SDK's other sources of credentials in a function's bundle (build/bundle.ts): reached only
 * where the environment has none.
 */
throw Object.assign(
  new Error(
    'there are no AWS credentials: a function has them in its environment (AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and ' +
      'AWS_SESSION_TOKEN), and looks nowhere else',
  ),
  // Logs tell the class of a foreign error, and not its words.
  { name: 'NoCredentialsInEnvironment' },
);

export {};

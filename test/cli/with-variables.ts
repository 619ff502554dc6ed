/** Calls something while the environment has these variables, and puts back what was there. */
export async function withVariables<Result>(
  variables: Readonly<Record<string, string>>,
  act: () => Result | Promise<Result>,
): Promise<Result> {
  const before = Object.keys(variables).map((name) => [name, process.env[name]] as const);
  Object.assign(process.env, variables);
  try {
    return await act();
  } finally {
    for (const [name, value] of before) {
      if (value === undefined) {
        delete process.env[name];
      } else {
        process.env[name] = value;
      }
    }
  }
}

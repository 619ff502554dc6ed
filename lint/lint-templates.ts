/** `npm run lint:templates`: every resource of every deployment, held to what AWS says of its type. */
import { Command } from 'commander';

interface Options {
  /** False with `--no-cfn-lint`. */
  readonly cfnLint: string | false;
  readonly json?: true;
}

await new Command('npm run lint:templates --')
  .description(
    'Hold the templates of all examples and variants to the resource types of AWS: unknown types, unknown and missing ' +
      'properties, and values that are none of those there are. Where there is cfn-lint (PyPI), it looks at them, too. ' +
      'The exit code is 1 when something is found.',
  )
  .option('--cfn-lint <command>', 'the program, where it is not on the PATH', 'cfn-lint')
  .option('--no-cfn-lint', 'without it, also where there is one: it takes most of a minute')
  .option('--json', 'one JSON object at the end, and nothing else on stdout')
  .action(lintTemplates)
  .parseAsync();

async function lintTemplates({ cfnLint, json }: Options, command: Command): Promise<void> {
  const say = (line: string) => (json ? process.stderr : process.stdout).write(`${line}\n`);
  // Only now: CDK takes seconds to load, and a wrong flag should be told at once.
  const [{ loadPropertyCheck }, { runCfnLint }, { synthesizeDeployments }] = await Promise.all([
    import('./templates/check-properties.ts'),
    import('./templates/cfn-lint.ts'),
    import('./templates/deployments.ts'),
  ]);
  const templates = await synthesizeDeployments();
  const check = await loadPropertyCheck();
  const wrong = [...templates].flatMap(([name, template]) =>
    check(template).map((fault) => `${name}: ${fault}`),
  );
  const linted = cfnLint === false ? undefined : runCfnLint(cfnLint, templates);
  if (cfnLint !== false && linted === undefined && command.getOptionValueSource('cfnLint') === 'cli') {
    command.error(
      `error: there is no program ${cfnLint}: install it (pip install cfn-lint), or leave --cfn-lint out`,
      {
        exitCode: 2,
      },
    );
  }
  const findings = [...wrong, ...(linted?.findings ?? [])];
  findings.forEach(say);
  linted?.needless.forEach((rule) => {
    say(
      `cfn-lint ${rule} finds nothing any more: take it out of the exceptions in lint/templates/cfn-lint.ts`,
    );
  });
  say(
    linted === undefined
      ? `cfn-lint has NOT looked: ${cfnLint === false ? '--no-cfn-lint' : 'there is none on the PATH (pip install cfn-lint, or --cfn-lint)'}`
      : `${linted.version} has looked, too`,
  );
  const resources = [...templates.values()].reduce(
    (count, { Resources }) => count + Object.keys(Resources).length,
    0,
  );
  say(
    `${templates.size} templates, ${resources} resources, ${findings.length === 0 ? 'nothing' : findings.length} to mend`,
  );
  if (json) {
    const report = {
      templates: templates.size,
      resources,
      cfnLint: linted?.version ?? null,
      findings,
    };
    process.stdout.write(`${JSON.stringify(report)}\n`);
  }
  process.exitCode = findings.length === 0 ? 0 : 1;
}

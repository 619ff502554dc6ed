import { readFile } from 'node:fs/promises';

const unitFile = 'examples/data-plane/systemd/lifeboat-standby.service';

export interface Unit {
  readonly text: string;
  /** The last value of a name; undefined when it is not set. */
  setting(name: string): string | undefined;
  readonly environment: Readonly<Record<string, string>>;
  /** Behind `lifeboat standby`. */
  readonly parameters: readonly string[];
}

export async function readUnit(): Promise<Unit> {
  const text = await readFile(unitFile, 'utf8');
  const assignments = (lines: string) => Array.from(lines.matchAll(/^(\w+)=(.*)$/gm));
  const setting = (name: string) => assignments(text).findLast(([, each]) => each === name)?.[2];
  const environment = assignments(await readFile('examples/data-plane/systemd/standby.env', 'utf8'));
  const [, parameters = ''] = (setting('ExecStart') ?? '').split('lifeboat standby');
  return {
    text,
    setting,
    environment: Object.fromEntries(environment.map(([, name = '', value = '']) => [name, value])),
    parameters: parameters.split(' ').filter((each) => each !== ''),
  };
}

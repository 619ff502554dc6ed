/** How commands of people reach the Admin API of a Kong control plane. */
import { type Command, InvalidArgumentError, Option } from 'commander';

export interface AdminApiOptions {
  readonly adminUrl?: URL | undefined;
  readonly workspace?: string | undefined;
}

/** What the Admin API demands with RBAC. An argument would be seen by whoever lists processes. */
export const adminTokenVariable = 'KONG_ADMIN_TOKEN';

export const adminTokenHelp = `What the Admin API demands with RBAC comes from ${adminTokenVariable}, or from the file that ${adminTokenVariable}_FILE names.`;

/** Adds the options of `AdminApiOptions`. */
export function addAdminApiOptions(command: Command): Command {
  return command
    .addOption(
      new Option('--admin-url <url>', 'URL of the control plane’s Admin API')
        .env('LIFEBOAT_ADMIN_URL')
        .argParser(parseAdminUrl),
    )
    .addOption(
      new Option('--workspace <name>', 'workspace of Kong Enterprise; by default its own default').argParser(
        parseWorkspace,
      ),
    );
}

function parseAdminUrl(value: string): URL {
  if (!/^https?:\/\/[^/\s\\?#@]+(\/[^\s\\?#]*)?$/i.test(value) || !URL.canParse(value)) {
    throw new InvalidArgumentError(
      `the http:// or https:// URL of an Admin API is expected, of a host, a port and a path at most; a token is given by ${adminTokenVariable}`,
    );
  }
  const url = new URL(value);
  url.pathname = url.pathname.replace(/\/+$/, '');
  return url;
}

function parseWorkspace(value: string): string {
  if (!/^[\w.~-]{1,128}$/.test(value)) {
    throw new InvalidArgumentError(
      'the name of a workspace is expected: letters, digits and ".", "_", "~", "-"',
    );
  }
  return value;
}

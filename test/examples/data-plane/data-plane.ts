/** What the examples have in common, however each of them writes it down. */
export interface DataPlane {
  readonly kong: Container;
  readonly standby: Container;
  readonly sharesProcesses: boolean;
  readonly sharesNetwork: boolean;
  /** Whether a standby that is done may end. */
  readonly mayEnd: boolean;
}

export interface Container {
  readonly image: string;
  /** Of the process, as a number. */
  readonly uid: number;
  readonly environment: Readonly<Record<string, string>>;
  /** Variables whose values come from a secret store. */
  readonly secretVariables: readonly string[];
  readonly mounts: readonly Mount[];
  /** Behind `lifeboat standby`, or behind the image's own command. */
  readonly parameters: readonly string[];
  readonly hasReadOnlyRoot: boolean;
}

export interface Mount {
  readonly path: string;
  readonly volume: string;
  readonly isReadOnly: boolean;
}

export function volumeAt(container: Container, path: string | undefined): Mount | undefined {
  const plain = (each: string) => each.replace(/\/$/, '');
  return container.mounts.find((mount) => path !== undefined && plain(mount.path) === plain(path));
}

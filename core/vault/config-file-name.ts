/** Names the file for all data planes of one version behind one control plane. */
export interface ConfigFileName {
  readonly controlPlane: string;
  /** Full version of the data planes. */
  readonly kongVersion: string;
}

/** Object key of a file: `prod/3.9.1/config.json`. */
export function configFileKey({ controlPlane, kongVersion }: ConfigFileName): string {
  return `${controlPlane}/${kongVersion}/config.json`;
}

/** Object key of what the checks of a control plane note: `status/prod.json`. */
export function statusKey(controlPlane: string): string {
  return `status/${controlPlane}.json`;
}

import type { ExportCommand } from '../intake/export-command.ts';

/** What must be in an export. */
export interface NewestChange {
  readonly at: Date;
  /** What the configuration with it is known by, where that is known. */
  readonly configHash: string | undefined;
}

/** The newest of the changes that a batch tells of; undefined for the schedule, which tells of none. */
export function newestChange(commands: readonly ExportCommand[], now: Date): NewestChange | undefined {
  const changes = changesAmong(commands);
  if (changes.length === 0) {
    return undefined;
  }
  const newest = changes.reduce((one, other) => (other.at >= one.at ? other : one));
  return {
    // A time in the future would only prolong the wait.
    at: new Date(Math.min(now.getTime(), newest.at.getTime())),
    // The listener tells what it was sent. A change that somebody else told of may be missing in that.
    configHash: changes.every(({ cause }) => cause === 'listen') ? newest.configHash : undefined,
  };
}

/** When the first of the changes happened that a batch tells of; undefined for the schedule. */
export function oldestChange(commands: readonly ExportCommand[]): Date | undefined {
  const changes = changesAmong(commands).map(({ at, since }) => (since ?? at).getTime());
  return changes.length === 0 ? undefined : new Date(Math.min(...changes));
}

/** For the schedule any configuration is new enough. */
function changesAmong(commands: readonly ExportCommand[]): readonly ExportCommand[] {
  return commands.filter(({ cause }) => cause !== 'schedule');
}

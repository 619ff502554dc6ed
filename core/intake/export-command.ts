import * as v from 'valibot';
import { instant } from '../instant.ts';

/**
 * The message in a control plane's queue: "look again", and since when. Nothing of a hook's body is in it
 * (docs/design.md#1-a-hook-is-a-doorbell).
 */
export const exportCommand = v.object({
  command: v.literal('export'),
  version: v.optional(v.literal(1), 1),
  cause: v.picklist(['event-hook', 'schedule', 'manual', 'listen']),
  /**
   * Changes up to this moment must be in the export (ISO 8601 UTC). For hooks it is the end of their time
   * window, for the listener the moment in which the configuration came.
   */
  at: instant,
  /** When the first hook of that window came. */
  since: v.optional(instant),
  /** The control plane's hash of the configuration that the listener was sent. */
  configHash: v.optional(
    v.pipe(v.string(), v.regex(/^[0-9a-f]{32}$/, 'an md5 in hexadecimal digits is expected')),
  ),
  /** The operator who has asked for it, and why: its outcome is noted in the status. */
  requested: v.optional(v.object({ id: v.string(), by: v.string(), reason: v.string() })),
});

export type ExportCommand = v.InferOutput<typeof exportCommand>;

/** The command in a message's body; undefined when the body is not an export command. */
export function parseExportCommand(body: string): ExportCommand | undefined {
  const parsed = v.safeParse(v.pipe(v.string(), v.parseJson(), exportCommand), body);
  return parsed.success ? parsed.output : undefined;
}

import type { ExportRequests } from '../../../core/intake/doorbell.ts';
import type { ExportCommand } from '../../../core/intake/export-command.ts';

export interface MemoryExportRequests extends ExportRequests {
  /** All commands for a control plane, in their order. */
  commands(controlPlane: string): readonly ExportCommand[];
}

/** Export requests in memory: one for each control plane and time window. */
export function memoryExportRequests(windowSeconds: number): MemoryExportRequests {
  const windows = new Map<string, Map<number, ExportCommand>>();
  const windowMs = windowSeconds * 1000;
  return {
    commands: (controlPlane) => [...(windows.get(controlPlane)?.values() ?? [])],
    async request(controlPlane, at) {
      const window = Math.floor(at.getTime() / windowMs);
      const commands = windows.get(controlPlane) ?? new Map<number, ExportCommand>();
      windows.set(controlPlane, commands);
      if (!commands.has(window)) {
        const end = new Date((window + 1) * windowMs);
        commands.set(window, { command: 'export', version: 1, cause: 'event-hook', at: end, since: at });
      }
    },
  };
}

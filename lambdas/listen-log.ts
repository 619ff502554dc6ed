import type { ListenerEvent } from '../core/listen/listener-event.ts';
import { errorFields } from './error-fields.ts';
import { logger } from './telemetry.ts';

/** A line for each thing that happens. What fails again for the same reason is told once. */
export function logListener(controlPlane: string, event: ListenerEvent): void {
  switch (event.what) {
    case 'listening': {
      const { version, pluginVersions } = event.manner;
      logger.info('listening', { controlPlane, kongVersion: version, pluginVersions });
      return;
    }
    case 'rung':
      logger.info('rung', { controlPlane, configHash: event.configHash });
      return;
    default:
      logger.warn(event.what, { controlPlane, ...errorFields(event.error) });
  }
}

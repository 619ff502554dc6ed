import { describe, expect, it } from '@jest/globals';
import { parseExportCommand } from '../../../core/intake/export-command.ts';

const at = '2026-11-23T04:00:00.000Z';
const configHash = '0cb222c3ca1f465ee7578d9c4972c141';
const command = { command: 'export', version: 1, cause: 'schedule', at };

describe('a message of the queue', () => {
  it.each([
    ['of the schedule', command, { ...command, at: new Date(at) }],
    [
      'of a hook',
      { ...command, cause: 'event-hook', since: at },
      { ...command, cause: 'event-hook', at: new Date(at), since: new Date(at) },
    ],
    [
      'of the listener',
      { ...command, cause: 'listen', configHash },
      { ...command, cause: 'listen', at: new Date(at), configHash },
    ],
    [
      'of the listener, which got no hash',
      { ...command, cause: 'listen' },
      { ...command, cause: 'listen', at: new Date(at) },
    ],
    ['of a person', { ...command, cause: 'manual' }, { ...command, cause: 'manual', at: new Date(at) }],
    ['without a version', { ...command, version: undefined }, { ...command, at: new Date(at) }],
    ['with more than we know', { ...command, extra: 1 }, { ...command, at: new Date(at) }],
    [
      'with the time of EventBridge',
      { ...command, at: '2026-11-23T04:00:00Z' },
      { ...command, at: new Date(at) },
    ],
  ])('%s is a command', (_, message, expected) => {
    expect(parseExportCommand(JSON.stringify(message))).toEqual(expected);
  });

  it.each([
    ['nothing', ''],
    ['no JSON', '{'],
    ['null', 'null'],
    ['a list', '[]'],
    ['another command', JSON.stringify({ ...command, command: 'rollback' })],
    ['another version', JSON.stringify({ ...command, version: 2 })],
    ['an unknown cause', JSON.stringify({ ...command, cause: 'boredom' })],
    ['no time', JSON.stringify({ ...command, at: undefined })],
    ['a time that is none', JSON.stringify({ ...command, at: 'now' })],
    ['a hash that is none', JSON.stringify({ ...command, cause: 'listen', configHash: 'a' })],
    ['a time in numbers', JSON.stringify({ ...command, at: 1_795_377_393 })],
  ])('with %s is none', (_, body) => {
    expect(parseExportCommand(body)).toBeUndefined();
  });
});

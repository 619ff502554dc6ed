import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { DatabaseIdentity } from '../../../core/kong/database-identity.ts';
import { FrameScanner } from '../../../core/kong/frame-scanner.ts';
import { recordedFrameJson } from './recording.ts';

/** What is read of a frame that comes in pieces of this size. */
function identityOf(json: Buffer | string, pieceBytes = 256 * 1024): DatabaseIdentity {
  const bytes = Buffer.from(json);
  const scanner = new FrameScanner();
  for (let at = 0; at < bytes.length; at += pieceBytes) {
    scanner.write(bytes.subarray(at, at + pieceBytes));
  }
  return scanner.end().identity;
}

const frameWith = (lists: object) =>
  JSON.stringify({
    type: 'reconfigure',
    timestamp: 1_795_377_393.298,
    config_table: { _format_version: '3.0', _transform: false, ...lists },
    config_hash: '0123456789abcdef0123456789abcdef',
  });

const parameters = [
  { key: 'something', value: 'else' },
  { key: 'cluster_id', created_at: null, value: 'the cluster' },
];
const workspaces = [
  { id: 'another', name: 'team-a', meta: { name: 'default' }, config: {} },
  { id: 'the workspace', name: 'default' },
];

describe('the identity of a control plane’s database', () => {
  it('is its cluster id and the id of its default workspace', () => {
    expect(identityOf(recordedFrameJson('3.9.1'))).toEqual({
      clusterId: '2238ac78-ca53-47a4-9b98-14e59a0763af',
      defaultWorkspaceId: '46a98b59-9777-4672-8aaf-b1ff8dd44e89',
    });
  });

  it('is the same however a frame is cut into pieces, and wherever the lists stand in it', () => {
    const frames = [
      frameWith({ parameters, services: [{ id: 'a' }], workspaces }),
      frameWith({ workspaces, parameters, consumers: [{ id: 'b', name: 'default', key: 'cluster_id' }] }),
    ];
    fc.assert(
      fc.property(fc.constantFrom(...frames), fc.integer({ min: 1, max: 400 }), (frame, pieceBytes) => {
        expect(identityOf(frame, pieceBytes)).toEqual({
          clusterId: 'the cluster',
          defaultWorkspaceId: 'the workspace',
        });
      }),
    );
  });

  it.each([
    ['has neither list', { services: [{ id: 'a' }] }],
    ['has them empty', { parameters: [], workspaces: [] }],
    ['has them empty, as Lua writes it', { parameters: {}, workspaces: {} }],
    ['has others of their rows', { parameters: [parameters[0]], workspaces: [workspaces[0]] }],
    [
      'has something else for ids',
      { parameters: [{ key: 'cluster_id', value: 1 }], workspaces: [{ name: 'default', id: null }] },
    ],
  ])('is unknown where a frame %s', (_, lists) => {
    expect(identityOf(frameWith(lists))).toEqual({ clusterId: undefined, defaultWorkspaceId: undefined });
  });

  it('is cut where it is long: it is kept in the status', () => {
    const value = 'x'.repeat(101);
    expect(identityOf(frameWith({ parameters: [{ key: 'cluster_id', value }] })).clusterId).toBe(
      'x'.repeat(100),
    );
  });

  it('is not looked for in a row that is too large to be one of Kong’s', () => {
    const row = (bytes: number) => {
      const empty = JSON.stringify({ key: 'cluster_id', value: 'a', more: '' }).length;
      return { key: 'cluster_id', value: 'a', more: 'x'.repeat(bytes - empty) };
    };
    expect(identityOf(frameWith({ parameters: [row(65_536)] })).clusterId).toBe('a');
    expect(identityOf(frameWith({ parameters: [row(65_537)] })).clusterId).toBeUndefined();
  });
});

import { describe, expect, it } from '@jest/globals';
import { describeEnding, type Ending } from '../../../local/rehearsal/summary.ts';
import { plainly } from '../../../local/rehearsal/timeline.ts';

const ending: Ending = {
  ok: true,
  result: {
    revision: 8,
    entities: { total: 65 },
    sha256: 'a',
    sizeBytes: 1,
    changeToPublishedSeconds: 2.2,
    burst: { changes: 200, exports: 1, seconds: 5 },
    unchangedWroteVersion: false,
    rollback: { revision: 4, pinned: true, unpinned: true },
    guard: { held: true, approved: true },
    inspection: { ready: true, differences: 1, verified: true },
    outageLeftVaultAlone: true,
    oldRevision: { refused: true, repaired: true },
    tamperedUrlRefused: true,
    tamperedFileRefused: true,
    dataPlane: { verified: true, file: '/data/config.json', equalsControlPlane: true },
  },
  proof: { ok: null, ran: null, description: 'left out: there is none on PATH (name one: --kong PATH)' },
  seconds: 30.1,
  logDirectory: '/data/logs',
  isReal: false,
  isKongNamed: false,
  paint: plainly,
};
const ran = {
  ok: true,
  ran: { version: '3.9.1', proxiedStatus: 200 },
  description: 'Kong 3.9.1, seeded',
};
const lastSentence = (text: string) => text.trimEnd().split('\n').at(-1);

describe('the end of a rehearsal', () => {
  it('says what was shown, what was not, and the next step', () => {
    const text = describeEnding(ending);

    expect(text).toContain(
      'Passed: a new data plane boots while its control plane is down. 30.1 s in total.',
    );
    expect(text).toContain('✓ A change was in the vault after 2.2 s, and 200 at once with 1 export.');
    expect(text).toContain('– AWS: it was simulated.');
    expect(text).toContain('npm start -- --serve');
    expect(text).toContain('lifeboat status');
    expect(text).toContain('The file: /data/config.json\nThe logs: /data/logs\n');
  });

  it('says last that no Kong was booted, and why', () => {
    expect(lastSentence(describeEnding(ending))).toBe(
      'No Kong was booted: there is none on PATH (name one: --kong PATH).',
    );
    const filters = { ...ending.proof, description: 'left out: the file has wasm filters' };
    expect(lastSentence(describeEnding({ ...ending, proof: filters, isKongNamed: true }))).toBe(
      'No Kong was booted: the file has wasm filters.',
    );
  });

  it('says last which Kong was booted that nobody named, and nothing of one that somebody did', () => {
    expect(lastSentence(describeEnding({ ...ending, proof: ran }))).toContain('Kong 3.9.1 was booted');
    const named = describeEnding({ ...ending, proof: ran, isKongNamed: true });
    expect(lastSentence(named)).toBe('The logs: /data/logs');
    expect(named).toContain('✓ Kong 3.9.1 loaded it without its control plane');
  });

  it('shows nothing of a real control plane that was left out', () => {
    const result = {
      ...ending.result,
      ...{ changeToPublishedSeconds: null, burst: null, rollback: null, guard: null, oldRevision: null },
      dataPlane: { ...ending.result.dataPlane, equalsControlPlane: null },
    };

    const text = describeEnding({ ...ending, result, isReal: true });

    expect(text).not.toMatch(/✓.*(change|taken back|deletion|old file)/);
    expect(text).toContain('– Changes, rollback, mass deletion and the outage itself');
  });

  it('that failed leads to what failed', () => {
    expect(describeEnding({ ...ending, ok: false })).toBe(
      'FAILED: see the lines with ✗ above, and the logs in /data/logs\n',
    );
  });
});

import { StandbyError } from '../../core/fetch/errors.ts';
import type { OpenOutput } from '../../core/fetch/output-file.ts';
import { type CallWorld, makeCall } from '../engine/call.ts';
import type { Machine } from '../engine/machine.ts';

/** The one file on a data plane's disk that Lifeboat writes. */
export interface Disk {
  file: Uint8Array | undefined;
}

export function simulatedOutput(world: CallWorld, machine: Machine, disk: Disk): OpenOutput {
  const fail = () => new StandbyError('output', 'the disk is full');
  return async () => {
    const pieces: Uint8Array[] = [];
    let begun = 0;
    await makeCall(world, machine, { name: 'disk.open', perform: () => undefined, fail });
    return {
      write(piece) {
        // Each has its place in the file, also where it is written twice.
        const place = begun;
        begun += 1;
        return makeCall(world, machine, {
          name: 'disk.write',
          perform() {
            pieces[place] = piece;
          },
          fail,
        });
      },
      complete: () =>
        makeCall(world, machine, {
          name: 'disk.complete',
          perform() {
            disk.file = Buffer.concat(pieces);
          },
          fail,
        }),
      abandon: async () => undefined,
    };
  };
}

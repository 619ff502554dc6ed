import { describe, expect, it } from '@jest/globals';
import { watchCertificate } from '../../../core/export/watched-certificate.ts';
import { issue } from '../access/certificates.ts';

describe('a watched certificate', () => {
  it('is known to end when the one does that was read last', async () => {
    const [first, second] = [new Date('2027-01-01'), new Date('2028-01-01')];
    const issued = await Promise.all([first, second].map((notAfter) => issue({ notAfter })));
    const given = issued.map(({ pem, keyPem }) => ({ certificate: pem, key: keyPem }));
    const left = [...given];
    const watched = watchCertificate(async () => {
      const next = left.shift();
      if (next === undefined) {
        throw new Error('the secret is away');
      }
      return next;
    });

    const ends = [watched.endsAt()];
    const read = [];
    for (const _ of given) {
      read.push(await watched.read());
      ends.push(watched.endsAt());
    }
    await expect(watched.read()).rejects.toThrow('the secret is away');
    ends.push(watched.endsAt());

    expect(read).toEqual(given);
    expect(ends).toEqual([undefined, first, second, undefined]);
  });

  it('ends with its first one, where others follow', async () => {
    const [own, authority] = await Promise.all([
      issue({ notAfter: new Date('2027-01-01') }),
      issue({ notAfter: new Date('2026-12-01') }),
    ]);
    const watched = watchCertificate(async () => ({
      certificate: own.pem + authority.pem,
      key: own.keyPem,
    }));

    await watched.read();

    expect(watched.endsAt()).toEqual(new Date('2027-01-01'));
  });
});

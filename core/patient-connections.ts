import { setDefaultAutoSelectFamilyAttemptTimeout } from 'node:net';

/**
 * A packet that is lost is sent again after a second (RFC 6298), and a far region takes some tenths of one
 * anyway. No longer: the status of a file is waited for 3 s, also where an IPv6 address leads nowhere.
 */
const addressPatienceMs = 2_000;

/**
 * Gives each of a name's addresses seconds for a connection, in this whole process: the AWS SDK connects,
 * too. Node itself leaves an address after 250 ms, the last one excepted, so that a name with IPv4 and IPv6
 * addresses cannot be reached over a slow way.
 */
export function connectPatiently(): void {
  setDefaultAutoSelectFamilyAttemptTimeout(addressPatienceMs);
}

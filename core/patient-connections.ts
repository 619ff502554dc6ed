import { setDefaultAutoSelectFamilyAttemptTimeout } from 'node:net';

/**
 * A packet that is lost is sent again after a second, then after two more (RFC 6298), and a far region takes
 * some tenths of a second anyway.
 */
const addressPatienceMs = 3_500;

/**
 * Gives each of a name's addresses seconds for a connection, in this whole process: the AWS SDK connects,
 * too. Node itself leaves an address after 250 ms, the last one excepted, so that a name with IPv4 and IPv6
 * addresses cannot be reached over a slow way.
 */
export function connectPatiently(): void {
  setDefaultAutoSelectFamilyAttemptTimeout(addressPatienceMs);
}

import { BlockList, isIP } from 'node:net';
import pg from 'pg';

/** `local`: it never leaves the machine. `unverified`: encrypted, to whoever answers. */
export type DatabaseTransport = 'local' | 'clear' | 'unverified' | 'verified';

/** libpq tries one host after the other; this driver takes the list for one name, which it then waits for. */
export const ONE_HOST =
  'must name one host, not a list: give the one address that leads to the primary, by a virtual address, a proxy or PgBouncer (docs/connections.md)';

const loopback = new BlockList();
loopback.addSubnet('127.0.0.0', 8, 'ipv4');
loopback.addAddress('::1', 'ipv6');

/** How a connection to this URL would travel, by the driver's own reading of it. Throws when the driver cannot use the URL. */
export function databaseTransport(url: string): DatabaseTransport {
  const { host, ssl } = readByDriver(url);
  // A path is a socket of this machine.
  if (host.startsWith('/') || isLoopback(host)) return 'local';
  if (ssl === false) return 'clear';
  const isVerified =
    ssl === true || (ssl.rejectUnauthorized !== false && ssl.checkServerIdentity === undefined);
  return isVerified ? 'verified' : 'unverified';
}

function readByDriver(url: string): { host: string; ssl: boolean | (pg.ClientConfig['ssl'] & object) } {
  // It opens nothing before it is told to connect. Its type has a boolean where it keeps what it was told about TLS.
  const { host, ssl } = new pg.Client({ connectionString: url });
  if (host.includes(',')) throw new Error(ONE_HOST);
  return { host, ssl };
}

function isLoopback(host: string): boolean {
  const family = isIP(host);
  if (family === 0) return host === 'localhost';
  return loopback.check(host, family === 4 ? 'ipv4' : 'ipv6');
}

import { isIPv6, SocketAddress } from 'node:net';
import { RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible';
import type { Principal } from './principal.ts';

export interface PrincipalLimiter {
  /** Counts one more; answers undefined, or in how many milliseconds there is room again. */
  take(key: string): Promise<number | undefined>;
}

/** So many are counted one by one in each window; all beyond share one count, so that made-up addresses cost no more memory. */
const MAX_KEYS = 50_000;
const EVERYBODY_ELSE = 'others';

/** At most `points` in each window, for each key; in the memory of this process, so that each replica counts for itself. */
export function createPrincipalLimiter(points: number, windowMs: number): PrincipalLimiter {
  const limiter = new RateLimiterMemory({ points, duration: windowMs / 1000 });
  let keys = new Set<string>();
  let windowEndsMs = 0;

  function counted(key: string): string {
    const nowMs = performance.now();
    if (nowMs >= windowEndsMs) {
      keys = new Set();
      windowEndsMs = nowMs + windowMs;
    }
    if (!keys.has(key) && keys.size >= MAX_KEYS) return EVERYBODY_ELSE;
    keys.add(key);
    return key;
  }

  return {
    async take(key) {
      try {
        await limiter.consume(counted(key));
        return undefined;
      } catch (error) {
        if (error instanceof RateLimiterRes) return error.msBeforeNext;
        throw error;
      }
    },
  };
}

/**
 * What limits count by: the subject of a token, which nobody can make up; without one the address that the connection comes from, never
 * one that a header tells. Of IPv6 it is the network of /64, as one host has all of its addresses.
 */
export function limitKeyOf(principal: Principal | undefined, remoteAddress: string | undefined): string {
  if (principal) return `subject:${principal.subject}`;
  return `network:${remoteAddress === undefined ? 'unknown' : networkOf(remoteAddress)}`;
}

function networkOf(address: string): string {
  const plain = address.replace(/%.*$/, '');
  const mapped = /^::ffff:(?<ipv4>[\d.]+)$/i.exec(plain)?.groups?.['ipv4'];
  if (mapped !== undefined) return mapped;
  if (!isIPv6(plain)) return plain;
  return `${expanded(plain).slice(0, 4).join(':')}::/64`;
}

/** The eight groups of an IPv6 address, of which one run of zeros may be left out. */
function expanded(address: string): string[] {
  const { address: canonical } = new SocketAddress({ address, family: 'ipv6' });
  const [before = '', after] = canonical.split('::');
  const head = before === '' ? [] : before.split(':');
  const tail = after === undefined || after === '' ? [] : after.split(':');
  return [...head, ...Array<string>(8 - head.length - tail.length).fill('0'), ...tail];
}

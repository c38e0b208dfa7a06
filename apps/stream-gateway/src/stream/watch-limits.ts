import { StreamError } from './stream-error.ts';

/** Most streams at a time, and of their memory. */
export interface WatchLimits {
  readonly ofProcess: number;
  readonly ofConnection: number;
  /** Of one who calls. As long as clients do not say who they are, that is their address, without the port. */
  readonly ofPrincipal: number;
  /** What the requests of all of them may take, see RequestMemory. */
  readonly requestBytes: number;
}

/** Counts open streams by whose they are. A peer is an address and the port that tells its connections apart. */
export interface WatchCounts {
  /** Counts one more; when that is one too many, answers why, and counts nothing. */
  enter(peer: string): StreamError | undefined;
  leave(peer: string): void;
}

export function createWatchCounts(limits: Omit<WatchLimits, 'requestBytes'>): WatchCounts {
  const ofConnection = new Map<string, number>();
  const ofPrincipal = new Map<string, number>();
  let ofProcess = 0;
  return {
    enter(peer) {
      const principal = principalOf(peer);
      if (ofProcess >= limits.ofProcess) {
        const text = `this server has ${limits.ofProcess} streams, its limit: try another one, or later`;
        return new StreamError('TOO_MANY_WATCHERS', text);
      }
      if ((ofConnection.get(peer) ?? 0) >= limits.ofConnection) {
        const text = `this connection has ${limits.ofConnection} streams, its limit: open another one, or end some`;
        return new StreamError('TOO_MANY_STREAMS_OF_CONNECTION', text);
      }
      if ((ofPrincipal.get(principal) ?? 0) >= limits.ofPrincipal) {
        const text = `your address has ${limits.ofPrincipal} streams here, its limit: end some`;
        return new StreamError('TOO_MANY_STREAMS_OF_PRINCIPAL', text);
      }
      ofProcess += 1;
      change(ofConnection, peer, 1);
      change(ofPrincipal, principal, 1);
      return undefined;
    },
    leave(peer) {
      ofProcess -= 1;
      change(ofConnection, peer, -1);
      change(ofPrincipal, principalOf(peer), -1);
    },
  };
}

/** Keys that there is nothing of are forgotten. */
function change(counts: Map<string, number>, key: string, by: number): void {
  const count = (counts.get(key) ?? 0) + by;
  if (count > 0) counts.set(key, count);
  else counts.delete(key);
}

function principalOf(peer: string): string {
  return peer.slice(0, Math.max(0, peer.lastIndexOf(':')));
}

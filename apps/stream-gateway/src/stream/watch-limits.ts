import { StreamError } from './stream-error.ts';

/** Most streams at a time, and of their memory. */
export interface WatchLimits {
  readonly ofProcess: number;
  readonly ofConnection: number;
  /** Of one who calls: of the subject of a token and, where access control is off, of an address, without the port. */
  readonly ofPrincipal: number;
  /** What the requests of all of them may take, see RequestMemory. */
  readonly requestBytes: number;
}

/** Counts open streams by whose they are. A peer is an address and the port that tells its connections apart. */
export interface WatchCounts {
  /** Counts one more; when that is one too many, answers why, and counts nothing. */
  enter(peer: string, subject: string | undefined): StreamError | undefined;
  leave(peer: string, subject: string | undefined): void;
}

export function createWatchCounts(limits: Omit<WatchLimits, 'requestBytes'>): WatchCounts {
  const ofConnection = new Map<string, number>();
  const ofPrincipal = new Map<string, number>();
  let ofProcess = 0;
  return {
    enter(peer, subject) {
      const principal = principalOf(peer, subject);
      if (ofProcess >= limits.ofProcess) {
        const text = `this server has ${limits.ofProcess} streams, its limit: try another one, or later`;
        return new StreamError('TOO_MANY_WATCHERS', text);
      }
      if ((ofConnection.get(peer) ?? 0) >= limits.ofConnection) {
        const text = `this connection has ${limits.ofConnection} streams, its limit: open another one, or end some`;
        return new StreamError('TOO_MANY_STREAMS_OF_CONNECTION', text);
      }
      if ((ofPrincipal.get(principal) ?? 0) >= limits.ofPrincipal) {
        const who = subject === undefined ? 'your address' : 'the subject of your token';
        const text = `${who} has ${limits.ofPrincipal} streams here, its limit: end some`;
        return new StreamError('TOO_MANY_STREAMS_OF_PRINCIPAL', text);
      }
      ofProcess += 1;
      change(ofConnection, peer, 1);
      change(ofPrincipal, principal, 1);
      return undefined;
    },
    leave(peer, subject) {
      ofProcess -= 1;
      change(ofConnection, peer, -1);
      change(ofPrincipal, principalOf(peer, subject), -1);
    },
  };
}

/** Keys that there is nothing of are forgotten. */
function change(counts: Map<string, number>, key: string, by: number): void {
  const count = (counts.get(key) ?? 0) + by;
  if (count > 0) counts.set(key, count);
  else counts.delete(key);
}

/** No address is a subject's. */
function principalOf(peer: string, subject: string | undefined): string {
  if (subject !== undefined) return `subject ${subject}`;
  return peer.slice(0, Math.max(0, peer.lastIndexOf(':')));
}

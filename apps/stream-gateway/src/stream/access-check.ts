import { setImmediate as nextTurn } from 'node:timers/promises';
import { type Access, AccessError } from '@order-events/access';
import { createRunningPart, createSparingWarn, type Logger, type Part, sleep } from '@order-events/runtime';
import type { RegisteredWatch } from './registered-watch.ts';
import type { WatchRegistry } from './watch-registry.ts';

export interface AccessCheckOptions {
  readonly watches: Pick<WatchRegistry, 'list' | 'end'>;
  readonly verify: Access['verify'];
  /** How often each token is verified again. */
  readonly verifyEveryMs: number;
  readonly log: Logger;
}

/** A token is over by so much at most when its streams end. */
const EXPIRY_CHECK_MS = 250;
/** Tokens that are verified before others have their turn; with keys that have changed each costs a signature. */
const VERIFIED_AT_ONCE = 50;

/**
 * Ends streams whose token has expired, or is taken no more, from outside of their loops: also those that wait for events or for their
 * client, or drain. While tokens cannot be verified because the keys are away, streams go on to the end of their token.
 */
export function createAccessCheck(options: AccessCheckOptions): Part {
  const { watches, verify, verifyEveryMs, log } = options;
  const warn = createSparingWarn(log);

  function endExpired(): void {
    const nowMs = Date.now();
    for (const watch of watches.list()) {
      if (watch.endedBy || nowMs < (watch.caller?.principal.expiresAtMs ?? Infinity)) continue;
      watches.end(watch, 'ACCESS_EXPIRED', 'the token of this call has expired: go on with a fresh one');
    }
  }

  /** Whether a token is taken no more. */
  async function isRefused(authorization: string): Promise<boolean> {
    try {
      await verify(authorization);
      return false;
    } catch (error: unknown) {
      if (error instanceof AccessError) return error.kind === 'unauthenticated';
      warn({ reason: error }, 'could not verify the token of an open stream, trying on');
      return false;
    }
  }

  async function verifyAll(stopping: AbortSignal): Promise<void> {
    let verified = 0;
    for (const [authorization, streams] of byToken(watches.list())) {
      if (stopping.aborted) return;
      if (await isRefused(authorization)) {
        for (const watch of streams)
          watches.end(watch, 'ACCESS_REVOKED', 'the token of this call is taken no more');
      }
      verified += 1;
      if (verified % VERIFIED_AT_ONCE === 0) await nextTurn();
    }
  }

  return createRunningPart('check of access', async (stopping) => {
    await Promise.all([
      every(EXPIRY_CHECK_MS, stopping, endExpired),
      every(verifyEveryMs, stopping, () => verifyAll(stopping)),
    ]);
  });
}

function byToken(watches: Iterable<RegisteredWatch>): Map<string, RegisteredWatch[]> {
  const found = new Map<string, RegisteredWatch[]>();
  for (const watch of watches) {
    if (!watch.caller || watch.endedBy) continue;
    const { authorization } = watch.caller;
    const streams = found.get(authorization);
    if (streams) streams.push(watch);
    else found.set(authorization, [watch]);
  }
  return found;
}

async function every(ms: number, stopping: AbortSignal, work: () => void | Promise<void>): Promise<void> {
  for (;;) {
    await sleep(ms, stopping);
    if (stopping.aborted) return;
    await work();
  }
}

import { createSparingWarn, type Logger, sleep } from '@order-events/runtime';
import { createLocalJWKSet, type JWTVerifyGetKey } from 'jose';
import { AccessError } from './access-error.ts';
import { parseKeys } from './key-document.ts';
import type { KeyDocumentSource } from './key-document-source.ts';

/** Keys as they were read; another object once they are other keys. */
export interface Keys {
  readonly keyOf: JWTVerifyGetKey;
}

export interface KeySetOptions {
  readonly source: KeyDocumentSource;
  readonly refreshMs: number;
  readonly cooldownMs: number;
  readonly keptMs: number;
  readonly timeoutMs: number;
  readonly log: Pick<Logger, 'warn'>;
}

/** Keys that others keep, read again and again. */
export interface KeySet {
  /** Throws an AccessError when there are none, or the last ones are too old. */
  current(): Promise<Keys>;
  /** For a key that is not among `seen`: reads them again unless that was just done. Throws an AccessError when they cannot be read. */
  newerThan(seen: Keys): Promise<Keys>;
  /** Age of the keys that are used; undefined before there are any. */
  ageMs(): number | undefined;
  /** Keeps them fresh until the signal aborts. */
  run(signal: AbortSignal): Promise<void>;
}

/** The keys, as one value that is replaced whole. However many ask, one reading is under way and the next begins a cool-down later. */
export function createKeySet(options: KeySetOptions): KeySet {
  const { source, refreshMs, cooldownMs, keptMs, timeoutMs, log } = options;
  const warn = createSparingWarn(log);
  const stopped = new AbortController();
  let text: string | undefined;
  let keys: Keys | undefined;
  let readAtMs = -Infinity;
  let triedAtMs = -Infinity;
  let lastFailed = false;
  let reading: Promise<void> | undefined;

  async function read(): Promise<void> {
    const startedAtMs = performance.now();
    try {
      const found = await source(AbortSignal.any([AbortSignal.timeout(timeoutMs), stopped.signal]));
      if (found !== text || !keys) keys = { keyOf: createLocalJWKSet(parseKeys(found)) };
      text = found;
      readAtMs = startedAtMs;
      lastFailed = false;
    } catch (error) {
      lastFailed = true;
      if (!stopped.signal.aborted) {
        warn({ reason: error, keysAgeMs: ageMs() }, 'keys of tokens cannot be read');
      }
    }
  }

  /** Reads unless that is being done, or was done within the cool-down. */
  function refresh(): Promise<void> {
    if (!reading && performance.now() - triedAtMs < cooldownMs) return Promise.resolve();
    return (reading ??= read().finally(() => {
      triedAtMs = performance.now();
      reading = undefined;
    }));
  }

  function ageMs(): number | undefined {
    return keys && Math.round(performance.now() - readAtMs);
  }

  function usable(): Keys | undefined {
    return performance.now() - readAtMs <= keptMs ? keys : undefined;
  }

  async function current(): Promise<Keys> {
    if (!usable()) await refresh();
    const found = usable();
    if (!found) throw unavailable();
    return found;
  }

  return {
    current,
    async newerThan(seen) {
      if (keys === seen) await refresh();
      // The key may be a new one that we cannot get: that is nothing that the client did wrong.
      if (keys === seen && lastFailed) throw unavailable();
      return current();
    },
    ageMs,
    async run(signal) {
      signal.addEventListener('abort', () => stopped.abort(), { once: true });
      while (!signal.aborted) {
        await refresh();
        // Before there are keys nobody is let in, so that is tried more often.
        await sleep(keys ? refreshMs : cooldownMs, signal);
      }
      await reading;
    },
  };
}

function unavailable(): AccessError {
  const message = 'tokens cannot be checked at the moment: try again soon';
  return new AccessError('keys-unavailable', 'keys_unavailable', message);
}

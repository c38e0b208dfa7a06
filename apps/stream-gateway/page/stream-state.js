/**
 * @import { WatchOrdersResponse } from './order-stream.js'
 * @typedef {{ readonly level: 'good' | 'warning' | 'bad' | 'waiting', readonly text: string }} Headline
 * @typedef {{ readonly completeThroughTime?: Date | undefined }} Completeness
 */

/** A gap is told for so long: it is no state that ends. */
const GAP_SHOWN_MS = 10 * 60_000;
/** Longer than two heartbeats of a page: see live.js. */
const SILENT_MS = 6_000;

/** What the stream said of itself, and what is wrong, in words. Times are by the clock of this machine, in milliseconds. */
export function createStreamState() {
  /** @type {'connecting' | 'open' | 'lost' | 'refused'} */
  let connection = 'connecting';
  let isLive = false;
  let isDraining = false;
  let backlog = 0n;
  let why = '';
  let retryAtMs = 0;
  /** @type {number | undefined} */
  let lastMessageMs;
  /** @type {Date | undefined} */
  let sourceLostSince;
  let isSourceAvailable = true;
  /** @type {{ atMs: number, missed: bigint } | undefined} */
  let gap;
  /** @type {Date | undefined} */
  let completeThrough;

  /** Not every gateway says it. @param {object} told */
  const noteCompleteness = (told) => {
    completeThrough = /** @type {Completeness} */ (told).completeThroughTime;
  };

  /** @param {NonNullable<WatchOrdersResponse['signal']>} signal @param {number} nowMs */
  function noteSignal(signal, nowMs) {
    switch (signal.$case) {
      case 'started':
        [isLive, isDraining, isSourceAvailable, backlog] = [false, false, true, 0n];
        break;
      case 'caughtUp':
        [isLive, backlog] = [true, 0n];
        noteCompleteness(signal.value);
        break;
      case 'heartbeat':
        backlog = signal.value.backlogEvents;
        noteCompleteness(signal.value);
        break;
      case 'fellBehind':
        [isLive, backlog] = [false, signal.value.backlogEvents];
        break;
      case 'sourceStateChanged':
        isSourceAvailable = signal.value.available;
        sourceLostSince = signal.value.changeTime;
        break;
      case 'gap':
        gap = { atMs: nowMs, missed: signal.value.missedEvents };
        break;
      case 'draining':
        isDraining = true;
        break;
      case 'accessExpiring':
        // The client renews it, or asks for another one when that is not to be had.
        break;
    }
  }

  return {
    connecting() {
      connection = 'connecting';
    },
    /** @param {WatchOrdersResponse} message @param {number} nowMs */
    note({ signal }, nowMs) {
      connection = 'open';
      lastMessageMs = nowMs;
      if (signal) noteSignal(signal, nowMs);
    },
    /** The stream is lost, and begins again by itself. @param {unknown} cause @param {number} atMs */
    interrupted(cause, atMs) {
      [connection, why, retryAtMs] = ['lost', textOf(cause), atMs];
    },
    /** The stream is over. @param {unknown} cause */
    refused(cause) {
      [connection, why] = ['refused', textOf(cause)];
    },
    /** Changes when the state does, and not with each message. @returns {Headline} */
    headline() {
      if (connection === 'refused') return { level: 'bad', text: 'Not watching: the gateway refused' };
      if (connection === 'lost') return { level: 'bad', text: 'The stream is lost; reconnecting' };
      if (connection === 'connecting') return { level: 'waiting', text: 'Connecting' };
      if (!isSourceAvailable)
        return { level: 'bad', text: 'The gateway has lost Kafka; no events until it is back' };
      if (isDraining) return { level: 'warning', text: 'The gateway drains; moving to another one' };
      return isLive ? { level: 'good', text: 'Live' } : { level: 'warning', text: 'Catching up' };
    },
    /** What is wrong right now, in whole sentences. @param {number} nowMs */
    troubles(nowMs) {
      const found = [];
      if (connection === 'refused') found.push(`The gateway refused: ${why}`);
      if (connection === 'lost') {
        const seconds = Math.max(0, Math.ceil((retryAtMs - nowMs) / 1000));
        found.push(`The stream is lost and begins again in ${seconds} s, where it stood: ${why}`);
      }
      if (connection === 'open' && !isSourceAvailable) {
        const since = sourceLostSince ? ` since ${sourceLostSince.toLocaleTimeString()}` : '';
        found.push(`The gateway cannot reach Kafka${since}. Nothing is lost: events come when it is back.`);
      }
      if (connection === 'open' && isDraining) {
        found.push(
          'The gateway is about to end its streams; this page goes on at another one, or when it is back.',
        );
      }
      if (connection === 'open' && backlog > 0n) found.push(`${backlog} events behind, before filtering.`);
      if (connection === 'open' && lastMessageMs !== undefined && nowMs - lastMessageMs > SILENT_MS) {
        found.push(
          `Nothing has come for ${Math.floor((nowMs - lastMessageMs) / 1000)} s, not even a heartbeat.`,
        );
      }
      if (gap && nowMs - gap.atMs < GAP_SHOWN_MS) {
        const count = gap.missed > 0n ? `up to ${gap.missed} events` : 'an unknown number of events';
        found.push(`There was a gap at ${new Date(gap.atMs).toLocaleTimeString()}: ${count} were missed.`);
      }
      return found;
    },
    /** Every change before this time was told; undefined while it is not known. */
    completeThrough: () => (connection === 'open' ? completeThrough : undefined),
    lastMessageMs: () => lastMessageMs,
  };
}

/** @param {unknown} cause */
function textOf(cause) {
  return cause instanceof Error ? cause.message : String(cause);
}

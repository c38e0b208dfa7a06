/** Whether there is more to be read at once, something was read, or nothing. */
export type LookOutcome = 'more' | 'some' | 'nothing';

export interface LookPace {
  /** What the last look brought, and how long it took. */
  looked(outcome: LookOutcome, tookMs: number): void;
  /** Until the next look at the earliest, whoever asks for one. */
  minPauseMs(): number;
  /** Until the next look while nobody asks for one. */
  maxPauseMs(): number;
}

/** While events flow and nobody tells of them. */
const FLOW_PAUSE_MS = 4;
/** Between looks, as a multiple of what one takes: on a server that is slow to answer, looks are fewer. */
const PAUSE_PER_LOOK = 2;
/** The pause costs latency, so it has a bound. */
const LEAST_PAUSE_MS = 2;
const GREATEST_PAUSE_MS = 20;
const PAUSE_GROWTH = 1.5;

/**
 * How often to look at the outbox. While events flow, every few milliseconds, which gathers what comes close together; then ever more
 * rarely up to `idlePollMs`, since who writes an event tells the relay.
 */
export function createLookPace(idlePollMs: number): LookPace {
  let minPauseMs = 0;
  let maxPauseMs = FLOW_PAUSE_MS;
  return {
    looked(outcome, tookMs) {
      if (outcome === 'more') {
        minPauseMs = maxPauseMs = 0;
        return;
      }
      minPauseMs = Math.min(GREATEST_PAUSE_MS, Math.max(LEAST_PAUSE_MS, tookMs * PAUSE_PER_LOOK));
      const flowing = Math.max(FLOW_PAUSE_MS, minPauseMs);
      maxPauseMs =
        outcome === 'some' ? flowing : Math.max(flowing, Math.min(maxPauseMs * PAUSE_GROWTH, idlePollMs));
    },
    minPauseMs: () => minPauseMs,
    maxPauseMs: () => maxPauseMs,
  };
}

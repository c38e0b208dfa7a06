import type { StreamSignal } from './stream-signal.ts';

interface SourceState {
  readonly available: boolean;
  readonly since: Date;
}

/** The signal for a source that has gone or come back since the last time; a stream begins with one that is there. */
export function createSourceNotice(source: () => SourceState): () => StreamSignal | undefined {
  let toldAvailable = true;
  return () => {
    const { available, since } = source();
    if (available === toldAvailable) return undefined;
    toldAvailable = available;
    return { kind: 'source state changed', available, since };
  };
}

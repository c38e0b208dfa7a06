/** When something was heard of, for the figures that a test tells. */
export interface Silences {
  heard(): void;
  /** The longest time between two that were heard after one another, in milliseconds. */
  longest(): number;
  /** From a moment of `performance.now()` to the next that was heard. */
  firstAfter(atMs: number): number;
}

export function silences(): Silences {
  const times: number[] = [];
  return {
    heard: () => void times.push(performance.now()),
    longest: () => Math.max(0, ...times.map((time, index) => time - (times[index - 1] ?? time))),
    firstAfter: (atMs) => (times.find((time) => time >= atMs) ?? Number.NaN) - atMs,
  };
}

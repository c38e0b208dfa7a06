export interface AdmissionGate {
  /** Does the work when it is its turn, in order of arrival; rejects with `refusal` when that would take too long. */
  run<T>(work: () => Promise<T>): Promise<T>;
  /** Whether nothing works or waits. */
  isIdle(): boolean;
}

export interface AdmissionGateOptions {
  /** So many work at once. */
  readonly atOnce: number;
  /** So many wait; one more is refused at once. */
  readonly maxWaiting: number;
  /** None waits for longer. */
  readonly maxWaitMs: number;
  readonly refusal: () => Error;
  /** How many places cannot be given to anybody at present, although nobody works at them; default none. */
  readonly blocked?: () => number;
}

/** Bounds how many do something at the same time, how many wait for their turn, and for how long. */
export function createAdmissionGate(options: AdmissionGateOptions): AdmissionGate {
  const { atOnce, maxWaiting, maxWaitMs, refusal, blocked = () => 0 } = options;
  const waiting = new Set<() => void>();
  let working = 0;

  function turn(): Promise<void> {
    return new Promise((resolve, reject) => {
      const enter = () => {
        clearTimeout(tooLong);
        resolve();
      };
      const tooLong = setTimeout(() => {
        waiting.delete(enter);
        reject(refusal());
      }, maxWaitMs);
      waiting.add(enter);
    });
  }

  /** The place is handed on rather than given back, so that nobody who comes just then gets before those who wait. */
  function leave(): void {
    const [next] = waiting;
    if (!next || working + blocked() > atOnce) working -= 1;
    else {
      waiting.delete(next);
      next();
    }
  }

  return {
    async run(work) {
      if (working + blocked() < atOnce) working += 1;
      else if (working === 0 || waiting.size >= maxWaiting) throw refusal();
      else await turn();
      try {
        return await work();
      } finally {
        leave();
      }
    },
    isIdle: () => working === 0 && waiting.size === 0,
  };
}

import type { ProduceAnswer } from '../wire/produce.ts';

/** What came of sending a batch once. `sent`: the log may have it, although nobody said so. */
export type ProduceAttempt =
  | { readonly kind: 'answered'; readonly answer: ProduceAnswer }
  | { readonly kind: 'failed'; readonly error: Error; readonly sent: boolean };

/** An answer may leave a partition out: that one has failed, whatever the others got. */
export function attemptAnswered(
  partition: number,
  answers: ReadonlyMap<number, ProduceAnswer>,
): ProduceAttempt {
  const answer = answers.get(partition);
  if (answer) return { kind: 'answered', answer };
  return attemptFailed(new Error(`the broker answered nothing for partition ${partition}`), true);
}

export function attemptFailed(error: unknown, sent: boolean): ProduceAttempt {
  return { kind: 'failed', error: error instanceof Error ? error : new Error(String(error)), sent };
}

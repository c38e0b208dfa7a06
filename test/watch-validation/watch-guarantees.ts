import assert from 'node:assert/strict';
import { filtered, type Judgement, ordered, reliable, unique } from './delivery-guarantees.ts';
import { bookmarkable, resumable } from './token-guarantees.ts';
import type { TopicLog } from './topic-log.ts';
import type { WatchHistory } from './watch-history.ts';

/** Announced: a stream begins with Started, says so once, and tells a gap only to a client that allows one. */
function* announced({ streams, allowGap }: WatchHistory): Iterable<string> {
  for (const { messages } of streams) {
    for (const [index, { message }] of messages.entries()) {
      const isStarted = message.signal?.$case === 'started';
      if (isStarted !== (index === 0)) {
        yield `message ${index} of a stream ${isStarted ? 'has' : 'has not'} the signal Started`;
      }
      if (message.signal?.$case === 'gap' && !allowGap) yield 'a gap was told to a client that allows none';
    }
  }
}

/** etcd's guarantees of a watch, in the terms of this contract, and how a stream announces itself. */
const GUARANTEES = {
  ordered,
  unique,
  reliable,
  resumable,
  bookmarkable,
  filtered,
  announced,
} satisfies Record<string, Judgement>;

export type Guarantee = keyof typeof GUARANTEES;

export interface Violation {
  readonly guarantee: Guarantee;
  readonly client: string;
  readonly text: string;
}

/** Judges what clients saw by what the log holds, every guarantee on its own. */
export function violationsOf(histories: readonly WatchHistory[], log: TopicLog): Violation[] {
  return histories.flatMap((history) =>
    Object.entries(GUARANTEES).flatMap(([guarantee, judge]) =>
      // Object.entries forgets the names.
      Array.from(judge(history, log), (text) => ({
        guarantee: guarantee as Guarantee,
        client: history.client,
        text,
      })),
    ),
  );
}

const SHOWN = 8;

/** Requires all guarantees of all clients; the error shows the first violations. */
export function assertGuarantees(histories: readonly WatchHistory[], log: TopicLog): void {
  const violations = violationsOf(histories, log);
  const shown = violations
    .slice(0, SHOWN)
    .map(({ client, guarantee, text }) => `${client}, ${guarantee}: ${text}`);
  assert.equal(violations.length, 0, `${violations.length} violations\n${shown.join('\n')}`);
}

/** The longest time that an open stream was silent, in milliseconds, from its opening to its end. */
export function longestSilenceMs({ streams }: WatchHistory, nowMs = performance.now()): number {
  const silences = streams.flatMap(({ openedAtMs, messages, endedAtMs }) => {
    const times = [openedAtMs, ...messages.map(({ atMs }) => atMs), endedAtMs ?? nowMs];
    return times.slice(1).map((atMs, index) => atMs - (times[index] ?? atMs));
  });
  return Math.max(0, ...silences);
}

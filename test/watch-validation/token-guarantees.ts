import { isDue, nameOf } from './delivery-guarantees.ts';
import { type LogRanks, rankOf, ranksOf } from './log-rank.ts';
import type { TopicLog } from './topic-log.ts';
import { type RecordedStream, tokensOf, type WatchHistory } from './watch-history.ts';

/**
 * Bookmarkable: a token at some point means that all before it that matches was delivered since the stream began, in that message or
 * an earlier one, and nothing after it. Tokens never go back.
 */
export function* bookmarkable(history: WatchHistory, log: TopicLog): Iterable<string> {
  for (const stream of history.streams) yield* bookmarksOf(stream, history, log);
}

function* bookmarksOf(stream: RecordedStream, history: WatchHistory, log: TopicLog): Iterable<string> {
  const [first, ...rest] = stream.messages;
  if (!first) return;
  const { endToken } = stream;
  const end =
    endToken === undefined ? [] : [{ message: { events: [], resumeToken: endToken, signal: undefined } }];
  let reached = ranksOf(first.message.resumeToken, log);
  const delivered = new Set<string>();
  for (const { message } of [...rest, ...end]) {
    const next = ranksOf(message.resumeToken, log);
    for (const event of message.events) {
      const rank = rankOf(log, event);
      if (rank === undefined) continue;
      if (rank >= (next[event.partition] ?? 0)) yield `${nameOf(event)} came with a token before it`;
      delivered.add(`${event.partition}/${rank}`);
    }
    for (const [partition, events] of log.partitions.entries()) {
      const [from = 0, to = 0] = [reached[partition], next[partition]];
      if (to < from && message.signal?.$case !== 'gap') {
        yield `a token of partition ${partition} went back from event ${from} to ${to}`;
      }
      // What a gap leaves out is told by it.
      if (message.signal?.$case === 'gap') continue;
      for (const [index, event] of events.slice(from, to).entries()) {
        if (isDue(history, event) && !delivered.has(`${partition}/${from + index}`)) {
          yield `${nameOf(event)} is before a token, but had not come`;
        }
      }
    }
    reached = next;
  }
}

/**
 * Resumable: a stream stands where it was asked to start; a client that takes up its last token stands where it stood; and the first
 * event of each partition is the next that matches.
 */
export function* resumable(history: WatchHistory, log: TopicLog): Iterable<string> {
  let stoodAt: string | undefined;
  for (const stream of history.streams) {
    const startedAt = stream.messages[0]?.message.resumeToken;
    if (startedAt === undefined) continue;
    const asked = stream.start?.$case === 'resumeToken' ? stream.start.value : undefined;
    if (asked !== undefined) yield* leftOut('was asked to start', asked, startedAt, history, log);
    if (stoodAt !== undefined) yield* leftOut('had stood', stoodAt, startedAt, history, log);
    yield* firstEvents(stream, history, log);
    stoodAt = tokensOf(stream).at(-1);
  }
}

/** A stream may begin further on than its client knows, past what does not match. */
function* leftOut(
  what: string,
  expected: string,
  actual: string,
  history: WatchHistory,
  log: TopicLog,
): Iterable<string> {
  const [before, after] = [ranksOf(expected, log), ranksOf(actual, log)];
  for (const [partition, from] of before.entries()) {
    const to = after[partition] ?? 0;
    const isLeftOut = log.partitions[partition]?.slice(from, to).some((event) => isDue(history, event));
    if (to >= from && !isLeftOut) continue;
    yield `a stream began at event ${to} of partition ${partition}, and ${what} at ${from}`;
  }
}

function* firstEvents({ messages }: RecordedStream, history: WatchHistory, log: TopicLog): Iterable<string> {
  const seen = new Set<number>();
  let begin: LogRanks | undefined;
  for (const { message } of messages) {
    // A gap says where the stream goes on.
    if (!begin || message.signal?.$case === 'gap') begin = ranksOf(message.resumeToken, log);
    for (const event of message.events) {
      if (seen.has(event.partition)) continue;
      seen.add(event.partition);
      const rank = rankOf(log, event);
      const events = log.partitions[event.partition] ?? [];
      const from = begin[event.partition] ?? 0;
      const due = events.findIndex((candidate, index) => index >= from && isDue(history, candidate));
      if (rank === undefined || rank === due || events[rank]?.isRepeated) continue;
      yield `${nameOf(event)} was the first of its partition in a stream that began at event ${from}; due was event ${due}`;
    }
  }
}

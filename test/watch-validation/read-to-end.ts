import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { createOrderStreamClient, type DeepPartial, type OrderFilter } from '@order-events/order-stream';
import { ranksOf } from './log-rank.ts';
import type { TopicLog } from './topic-log.ts';
import { assertGuarantees } from './watch-guarantees.ts';
import { lastToken, tokensOf, type ReceivedMessage, type WatchHistory } from './watch-history.ts';

const DEADLINE_MS = 30_000;

/** Whether a client stands behind the last event of the log: by `bookmarkable`, it then has all that it must have. */
export function hasReadAll(history: WatchHistory, log: TopicLog): boolean {
  const token = lastToken(history);
  if (token === undefined) return false;
  return ranksOf(token, log).every((rank, partition) => rank === log.partitions[partition]?.length);
}

/** Requires that everybody has read the log to its end, and that no guarantee was broken on the way. */
export function assertComplete(histories: readonly WatchHistory[], log: TopicLog): void {
  assertGuarantees(histories, log);
  const behind = histories.filter((history) => !hasReadAll(history, log)).map(({ client }) => client);
  assert.deepEqual(behind, [], 'have not read the log to its end');
}

/**
 * Takes up some of the tokens that a client was given, spread over its history, each with a stream of its own to the end of the log,
 * and requires that each brings exactly what came after its token.
 */
export async function assertResumesAnywhere(
  t: TestContext,
  address: string,
  history: WatchHistory,
  log: TopicLog,
  count = 5,
): Promise<void> {
  const tokens = history.streams.flatMap(tokensOf);
  const sample = Array.from(
    { length: count },
    (_, index) => tokens[Math.floor((index * tokens.length) / count)],
  );
  const { client, close } = createOrderStreamClient(address);
  t.after(close);
  const resumed = await Promise.all(
    sample
      .filter((token) => token !== undefined)
      .map(async (token): Promise<WatchHistory> => {
        const start = { $case: 'resumeToken', value: token } as const;
        const messages: ReceivedMessage[] = [];
        const stream = { start, openedAtMs: performance.now(), messages };
        const read = { ...history, client: `${history.client} from ${token}`, streams: [stream] };
        const filter = history.filter as DeepPartial<OrderFilter>;
        const signal = AbortSignal.timeout(DEADLINE_MS);
        for await (const message of client.watchOrders({ filter, start: { position: start } }, { signal })) {
          messages.push({ atMs: performance.now(), message });
          if (hasReadAll(read, log)) break;
        }
        return read;
      }),
  );
  assertComplete(resumed, log);
}

import assert from 'node:assert/strict';
import { sleep } from '@order-events/runtime';
import type { SimulatedKafka } from '../../../packages/messaging/testing/simulated-kafka.ts';
import { StreamError } from '../src/stream/stream-error.ts';
import { decodeResumeToken } from '../src/position/resume-token.ts';
import type { StartPosition } from '../src/position/start-position.ts';
import type { WatchMessage } from '../src/watch/watch-message.ts';
import { type Place, skippedOf, wasEverThere } from './epoch-delivery.ts';
import type { SimulatedGateway } from './simulated-gateway.ts';

/** One stream and all that its client knows. */
export interface EpochClient {
  /** After the newest message; undefined before the stream has a place. */
  position(): { readonly topicId: string; readonly next: readonly bigint[] } | undefined;
  token(): string | undefined;
  /** Why the stream could not go on. */
  refusal(): StreamError | undefined;
  /** That what was delivered fits: of its topic and its place, and nothing left out that the log has. `isSettled`: as far as the log goes. */
  check(isSettled: boolean): void;
  /** Takes nothing for so long. */
  stall(ms: number): void;
  close(): Promise<void>;
}

export function openEpochClient(
  kafka: SimulatedKafka,
  gateway: SimulatedGateway,
  start: StartPosition,
  allowGap: boolean,
): EpochClient {
  const gone = new AbortController();
  let token: string | undefined;
  let base: Place | undefined;
  let now: Place | undefined;
  let refusal: StreamError | undefined;
  let fault: Error | undefined;
  let stalled: Promise<void> | undefined;
  const delivered = new Set<string>();

  /** Everything that the client was not told of before is due from there on. */
  function begin(place: Place): void {
    base = place;
    delivered.clear();
  }

  function take({ events, resumeToken, signal }: WatchMessage): void {
    const point = decodeResumeToken(resumeToken);
    token = resumeToken;
    if (point.kind !== 'offsets') return;
    if (!base) {
      // From the earliest: all that it has.
      begin(signal?.kind === 'started' ? point : { topicId: point.topicId, next: [] });
    } else if (signal?.kind === 'gap') begin(point);
    else assert.equal(point.topicId, base.topicId, 'a position in another topic, untold');
    for (const event of events) {
      delivered.add(wasEverThere(kafka, point.topicId, event));
      assert.ok(
        event.offset < (point.next[event.partition] ?? 0n),
        'an event that its position has not passed',
      );
    }
    now = point;
  }

  async function pump(): Promise<void> {
    try {
      for await (const message of gateway.watch(start, allowGap, gone.signal)) {
        take(message);
        await stalled;
        if (gone.signal.aborted) return;
      }
    } catch (error) {
      if (error instanceof StreamError && error.reason.startsWith('RESUME_TOKEN')) refusal = error;
      else fault = error instanceof Error ? error : new Error(String(error));
    }
  }

  const pumping = pump();
  return {
    position: () => now,
    token: () => token,
    refusal: () => refusal,
    check(isSettled) {
      if (fault) throw fault;
      const topic = kafka.current();
      if (refusal || !isSettled || !topic) return;
      assert.ok(base && now, 'a stream has no place');
      assert.equal(now.topicId, topic.id, 'a position of another topic');
      for (const [partition, { records }] of topic.partitions.entries()) {
        const reached: number = Number(now.next[partition] ?? 0n);
        assert.equal(reached, records.length, `partition ${partition} stands still`);
      }
      const [skipped] = skippedOf(topic, base, delivered);
      assert.equal(skipped, undefined, `skipped: ${skipped}`);
    },
    stall(ms) {
      stalled = sleep(ms, gone.signal);
    },
    async close() {
      gone.abort();
      await pumping;
    },
  };
}

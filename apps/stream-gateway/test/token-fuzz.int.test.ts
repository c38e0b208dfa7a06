import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import test from 'node:test';
import {
  createOrderStreamClient,
  decodeErrorDetails,
  type OrderEvent,
  type OrderStreamServiceClient,
} from '@order-events/order-stream';
import fc from 'fast-check';
import { ClientError, Metadata, Status } from 'nice-grpc-common';
import { createTestTopic, eventually, startApp } from '../../../test/harness/index.ts';
import { paced } from '../../../test/harness/paced.ts';
import { offsetRange } from '../../../test/harness/topic-admin.ts';
import { ranksOf } from '../../../test/watch-validation/log-rank.ts';
import { eventsFrom, type LogRange, outcomeOf } from '../../../test/watch-validation/position-model.ts';
import { assertComplete } from '../../../test/watch-validation/read-to-end.ts';
import { readTopicLog } from '../../../test/watch-validation/read-topic-log.ts';
import { encodeToken, sealed } from '../../../test/watch-validation/token-position.ts';
import type { TopicLog } from '../../../test/watch-validation/topic-log.ts';
import { longestSilenceMs } from '../../../test/watch-validation/watch-guarantees.ts';
import { createPositionedLog } from '../testing/positioned-log.ts';
import { recordWatch } from '../testing/stream-recorder.ts';

const ROUNDS = 20;
const TOKENS_AT_ONCE = 30;
const ANSWER_MS = 20_000;
/** A heartbeat each second, on a machine that does other work. */
const MAX_SILENCE_MS = 10_000;
const CODES: readonly Status[] = [Status.INVALID_ARGUMENT, Status.OUT_OF_RANGE, Status.FAILED_PRECONDITION];

type Answer =
  | { readonly code: Status; readonly message: string; readonly reason: string }
  | { readonly events: readonly OrderEvent[] };

/** Watches from a token up to the live edge. */
async function answerTo(client: OrderStreamServiceClient, token: string): Promise<Answer> {
  let trailer = Metadata();
  const events: OrderEvent[] = [];
  try {
    const start = { position: { $case: 'resumeToken', value: token } } as const;
    const options = {
      signal: AbortSignal.timeout(ANSWER_MS),
      onTrailer: (sent: Metadata) => void (trailer = sent),
    };
    for await (const message of client.watchOrders({ start }, options)) {
      events.push(...message.events);
      if (message.signal?.$case === 'caughtUp') break;
    }
    return { events };
  } catch (error) {
    if (!(error instanceof ClientError)) throw error;
    const { info, violations } = decodeErrorDetails(trailer);
    const reason =
      info?.reason ?? (violations?.[0]?.field === 'start.resume_token' ? 'RESUME_TOKEN_MALFORMED' : '');
    return { code: error.code, message: error.details, reason };
  }
}

interface Guess {
  readonly kind: 'offsets' | 'log time' | 'malformed' | 'sealed';
  readonly token: string;
}

const uint63 = fc.bigInt({ min: 0n, max: 2n ** 63n - 1n });

/** Tokens of every kind, many of them nearly right for a log. */
function guesses({ topicId, earliest, latest }: LogRange): fc.Arbitrary<Guess> {
  const near = (offsets: readonly bigint[]) =>
    fc
      .array(fc.integer({ min: -1, max: 1 }), { minLength: 12, maxLength: 12 })
      .map((moves) => moves.map((move, index) => clamp(offsets[index]! + BigInt(move))));
  const offsets = fc.record({
    next: fc.oneof(
      near(earliest),
      near(latest),
      fc.array(uint63, { maxLength: 14 }),
      fc.constant([...latest]),
    ),
    topic: fc.oneof(
      { weight: 4, arbitrary: fc.constant(topicId) },
      { weight: 1, arbitrary: fc.constant(randomBytes(16).toString('base64url')) },
    ),
  });
  const offsetToken = offsets.map(({ next, topic }) =>
    encodeToken({ kind: 'offsets', topicId: topic, next }),
  );
  const time = fc.oneof(
    fc.nat(),
    fc.integer({ min: Date.now() - 10_000, max: Date.now() }),
    fc.constant(8.64e15),
  );
  const bytes = fc.uint8Array({ maxLength: 80 }).map((body) => Buffer.from(body));
  const changed = fc
    .record({
      token: offsetToken,
      at: fc.nat(),
      by: fc.constantFrom('', '=', 'A', 'AA', '-', ' ', '\u{1f984}'),
    })
    .map(({ token, at, by }) => token.slice(0, at % token.length) + by + token.slice((at % token.length) + 1))
    .filter((token) => !isSealed(token));
  return fc.oneof(
    offsetToken.map((token): Guess => ({ kind: 'offsets', token })),
    time.map((logTimeMs): Guess => ({
      kind: 'log time',
      token: encodeToken({ kind: 'log time', logTimeMs }),
    })),
    changed.map((token): Guess => ({ kind: 'malformed', token })),
    fc.string({ unit: 'binary', maxLength: 60 }).map((token): Guess => ({ kind: 'malformed', token })),
    bytes.map((body): Guess => ({ kind: 'sealed', token: sealed(body) })),
    bytes.map((body): Guess => ({
      kind: 'sealed',
      token: sealed(Buffer.from([1, (body[0] ?? 0) % 2, ...body])),
    })),
  );
}

const clamp = (offset: bigint) => (offset < 0n ? 0n : offset);

/** Whether a changed token is one again, written in the one way that tokens are. */
function isSealed(token: string): boolean {
  const bytes = Buffer.from(token, 'base64url');
  return bytes.toString('base64url') === token && bytes.length > 4 && sealed(bytes.subarray(0, -4)) === token;
}

function judge({ kind, token }: Guess, answer: Answer, range: LogRange, log: TopicLog): void {
  const said = `${kind} ${token}: ${JSON.stringify(answer, (_, value: unknown) => (typeof value === 'bigint' ? String(value) : value)).slice(0, 300)}`;
  if ('code' in answer) assert.ok(CODES.includes(answer.code) && answer.reason !== '', said);
  if (kind === 'malformed') assert.ok('code' in answer && answer.code === Status.INVALID_ARGUMENT, said);
  if (kind === 'sealed' || kind === 'malformed') return;
  if (kind === 'log time') {
    const ranks = ranksOf(token, log);
    const due = log.partitions.flatMap((events, partition) => events.slice(ranks[partition]));
    assert.ok('events' in answer && answer.events.length === due.length, said);
    return;
  }
  const outcome = outcomeOf(token, range, false);
  if ('from' in outcome) {
    assert.ok('events' in answer, said);
    const ids = eventsFrom(log, outcome.from, {}).flat();
    assert.deepEqual(answer.events.map(({ eventId }) => eventId).toSorted(), ids.toSorted(), said);
  } else {
    assert.ok('code' in answer, said);
    assert.deepEqual([answer.code, answer.reason], [outcome.refused, outcome.reason], said);
  }
}

test('whatever is passed as a token has its documented answer, and nobody else notices', async (t) => {
  const topic = await createTestTopic(t);
  const { append, range: firstRange } = await createPositionedLog(t, topic);
  const settings = { KAFKA_BROKERS: topic.brokers.join(), KAFKA_TOPIC: topic.topic };
  const gateway = await startApp(t, 'stream-gateway', settings);
  const address = gateway.urls.grpc;
  const { topicId } = await eventually(() => firstRange(address));
  const neighbour = recordWatch(t, address, { heartbeatInterval: { seconds: 1n } });
  await neighbour.signal('caughtUp');
  const { client, close } = createOrderStreamClient(address);
  t.after(close);

  const counts = new Map<string, number>();
  for (let round = 0; round < ROUNDS; round += 1) {
    const range = { topicId, ...(await offsetRange(topic)) };
    const log = await readTopicLog(topic);
    const batch = fc.array(guesses(range), { minLength: TOKENS_AT_ONCE, maxLength: TOKENS_AT_ONCE });
    await fc.assert(
      fc.asyncProperty(batch, async (tokens) => {
        const answers = await Promise.all(tokens.map(({ token }) => answerTo(client, token)));
        for (const [index, guess] of tokens.entries()) {
          const answer = answers[index]!;
          judge(guess, answer, range, log);
          const name = `${guess.kind} ${'code' in answer ? Status[answer.code] : 'taken'}`;
          counts.set(name, (counts.get(name) ?? 0) + 1);
        }
      }),
      { numRuns: 1 },
    );
    await append();
  }

  const log = await readTopicLog(topic);
  await eventually(() => assertComplete([neighbour.history()], log));
  const silenceMs = longestSilenceMs(neighbour.history());
  assert.ok(silenceMs < paced(MAX_SILENCE_MS), `the neighbour heard nothing for ${silenceMs} ms`);
  assert.deepEqual(
    gateway.logs().filter(({ msg }) => msg === 'call failed'),
    [],
  );
  for (const wanted of [
    'offsets taken',
    'offsets OUT_OF_RANGE',
    'offsets FAILED_PRECONDITION',
    'log time taken',
  ]) {
    assert.ok((counts.get(wanted) ?? 0) > 0, `no token was of the kind: ${wanted}`);
  }
  t.diagnostic([...counts].map(([name, count]) => `${count} × ${name}`).join(', '));
});

import { randomBytes, randomUUID } from 'node:crypto';
import type { TestContext } from 'node:test';
import { createOrderStreamClient, OrderStatus, type StartPosition } from '@order-events/order-stream';
import { deleteRecords, offsetRange } from '../../../test/harness/topic-admin.ts';
import { type LogRange, type Outcome, outcomeOf } from '../../../test/watch-validation/position-model.ts';
import { decodeToken, encodeToken } from '../../../test/watch-validation/token-position.ts';
import type { OrderSelection } from '../../../test/watch-validation/topic-log.ts';
import { createEventProducer } from './event-producer.ts';
import { orderEvent } from './order-events.ts';

const ORDERS = Array.from({ length: 24 }, () => randomUUID());
const CUSTOMERS = 3;
const STATUSES = ['pending', 'confirmed', 'shipped', 'delivered'] as const;
/** What retention has taken from each partition that had more. */
const DELETED = 2n;

/** An order's events match all but the last. */
export const ORDER_OF_ALL_FILTERS = {
  orderId: ORDERS[1]!,
  customerId: 'customer-1',
  status: 'shipped',
} as const;

export const FILTERS = {
  none: {},
  status: { statuses: [OrderStatus.SHIPPED] },
  order: { orderIds: [ORDER_OF_ALL_FILTERS.orderId] },
  customer: { customerIds: [ORDER_OF_ALL_FILTERS.customerId] },
  'nothing matches': { customerIds: ['nobody'] },
} satisfies Record<string, OrderSelection>;

export interface PositionedLog {
  /** One more event of every order. */
  append(): Promise<void>;
  /** What the topic holds before anything was appended. */
  range(address: string): Promise<LogRange>;
}

/** Events of some orders in a topic with twelve partitions, whose oldest ones retention has taken. */
export async function createPositionedLog(
  t: TestContext,
  topic: { brokers: string[]; topic: string },
): Promise<PositionedLog> {
  const producer = await createEventProducer(t, topic);
  let version = 0;
  const append = async () => {
    version += 1;
    const status = STATUSES[(version - 1) % STATUSES.length]!;
    const events = ORDERS.map((orderId, index) =>
      orderEvent({ orderId, version, status, customerId: `customer-${index % CUSTOMERS}` }),
    );
    await producer.produce(...events);
  };
  for (const _ of STATUSES) await append();
  const whole = await offsetRange(topic);
  const shortened = whole.latest.entries().filter(([, end]) => end > DELETED);
  await deleteRecords(topic, new Map(shortened.map(([partition]) => [partition, DELETED])));
  const offsets = await offsetRange(topic);
  return { append, range: async (address) => ({ ...offsets, topicId: await topicIdOf(address) }) };
}

/** Nothing but a token tells it. */
async function topicIdOf(address: string): Promise<string> {
  const { client, close } = createOrderStreamClient(address);
  try {
    const position = decodeToken((await client.getReplayRange({})).latestToken);
    if (position.kind !== 'offsets') throw new Error('the end of the log is no offset');
    return position.topicId;
  } finally {
    close();
  }
}

export interface Start {
  readonly name: string;
  readonly position: NonNullable<StartPosition['position']>;
  readonly outcome: Outcome;
}

/** Every place that a client may ask for, with what is promised there. */
export function startsOf(range: LogRange, allowGap: boolean): Start[] {
  const { earliest, latest, topicId } = range;
  const token = (next: readonly bigint[], topic = topicId) =>
    encodeToken({ kind: 'offsets', topicId: topic, next });
  const isDeleted = (partition: number) => (earliest[partition] ?? 0n) > 0n;
  const tokens: Readonly<Record<string, string>> = {
    'before first': token(earliest),
    first: token(earliest.map((first, partition) => (first < latest[partition]! ? first + 1n : first))),
    last: token(latest),
    'one past': token(latest.with(3, latest[3]! + 1n)),
    expired: token(earliest.map((first, partition) => (isDeleted(partition) ? first - 1n : first))),
    foreign: token(latest, randomBytes(16).toString('base64url')),
    garbage: 'garbage',
  };
  return [
    { name: 'earliest', position: { $case: 'earliest', value: true }, outcome: { from: earliest } },
    { name: 'latest', position: { $case: 'latest', value: true }, outcome: { from: latest } },
    ...Object.entries(tokens).map(([name, value]) => ({
      name,
      position: { $case: 'resumeToken', value } as const,
      outcome: outcomeOf(value, range, allowGap),
    })),
  ];
}

import { keyHash } from '@order-events/messaging';
import {
  createSimulatedKafka,
  NODES,
  type SimulatedKafka,
} from '../../../packages/messaging/testing/simulated-kafka.ts';
import { type EpochClient, openEpochClient } from './epoch-client.ts';
import { type CommittedPlaces, openEpochMember } from './epoch-member.ts';
import { numberedRecord } from './epoch-records.ts';
import { type GatewayParts, type SimulatedGateway, startSimulatedGateway } from './simulated-gateway.ts';
import type { VirtualTime } from './virtual-time.ts';

/** What can happen to a topic and to those who read it; numbers choose among what there is. */
export type EpochStep =
  | { readonly kind: 'append'; readonly order: number; readonly count: number }
  | { readonly kind: 'delete'; readonly partition: number; readonly share: number }
  | { readonly kind: 'truncate'; readonly partition: number; readonly lost: number }
  | { readonly kind: 'recreate'; readonly partitions: number; readonly absentMs: number }
  | { readonly kind: 'add partitions'; readonly count: number }
  | { readonly kind: 'move leader'; readonly partition: number; readonly node: number }
  | { readonly kind: 'wait'; readonly ms: number }
  | { readonly kind: 'start gateway' }
  | { readonly kind: 'open'; readonly gateway: number; readonly start: number; readonly allowGap: boolean }
  | { readonly kind: 'close'; readonly stream: number }
  /** The one member of the subscription; the one before leaves. */
  | { readonly kind: 'consume'; readonly gateway: number }
  | { readonly kind: 'stall'; readonly stream: number; readonly ms: number };

const MAX_PARTITIONS = 7;
const MAX_GATEWAYS = 2;
/** Longer than everything that is remembered, waited for or tried again. */
const SETTLE_MS = 20_000;
/** A gateway hears of another topic by then, and of more partitions. */
const HEARD_MS = 1_500;
/** Nothing happens meanwhile but what was begun. */
const SETTLE_TICK_MS = 50;

interface World {
  readonly kafka: SimulatedKafka;
  readonly parts: GatewayParts;
  readonly time: VirtualTime;
  readonly gateways: SimulatedGateway[];
  readonly clients: EpochClient[];
  readonly tokens: string[];
  readonly committed: CommittedPlaces;
  member?: EpochClient;
  appended: number;
}

/** Throws when a stream of a gateway with these parts was told what is not so, or not told what is. */
export async function runEpochs(
  steps: readonly EpochStep[],
  time: VirtualTime,
  parts: GatewayParts = {},
): Promise<void> {
  const kafka = createSimulatedKafka(2);
  const gateways = [startSimulatedGateway(kafka, parts)];
  const world: World = {
    kafka,
    parts,
    time,
    gateways,
    clients: [],
    tokens: [],
    committed: new Map(),
    appended: 0,
  };
  await time.pass(500);
  try {
    for (const step of steps) {
      await run(world, step);
      for (const client of world.clients) client.check(false);
    }
    await settle(world);
  } finally {
    const ending = [...world.clients.map((client) => client.close()), ...gateways.map((each) => each.stop())];
    await time.pass(600, SETTLE_TICK_MS);
    await Promise.all(ending);
  }
}

async function run(world: World, step: EpochStep): Promise<void> {
  const { kafka, time, gateways, clients } = world;
  const { partitions = [] } = kafka.current() ?? {};
  switch (step.kind) {
    case 'append':
      return append(world, step.order, step.count);
    case 'delete': {
      const partition = step.partition % partitions.length;
      const { start = 0, records = [] } = partitions[partition] ?? {};
      return kafka.deleteUpTo(partition, start + Math.ceil((records.length - start) * step.share));
    }
    case 'truncate': {
      const partition = step.partition % partitions.length;
      return kafka.truncate(partition, (partitions[partition]?.records.length ?? 0) - step.lost);
    }
    case 'recreate':
      kafka.delete();
      await time.pass(step.absentMs);
      return kafka.create(step.partitions);
    case 'add partitions':
      return partitions.length + step.count > MAX_PARTITIONS ? undefined : kafka.addPartitions(step.count);
    case 'move leader':
      return kafka.lead(step.partition % partitions.length, step.node % NODES);
    case 'wait':
      return time.pass(step.ms);
    case 'start gateway':
      if (gateways.length < MAX_GATEWAYS) gateways.push(startSimulatedGateway(kafka, world.parts));
      return time.pass(500);
    case 'open': {
      const gateway = gateways[step.gateway % gateways.length];
      if (gateway) clients.push(openEpochClient(kafka, gateway, startOf(world, step.start), step.allowGap));
      return undefined;
    }
    case 'consume':
      return consume(world, step.gateway);
    case 'stall':
      return clients[step.stream % clients.length]?.stall(step.ms);
    case 'close':
      return closeStream(world, step.stream);
  }
}

/** A stream that has a token ends, and somebody may go on with that. */
async function closeStream({ clients, tokens, time }: World, choice: number): Promise<void> {
  const client = clients[choice % clients.length];
  const token = client?.token();
  if (!client || token === undefined) return;
  tokens.push(token);
  clients.splice(clients.indexOf(client), 1);
  const closing = client.close();
  await time.pass(20);
  await closing;
}

async function consume(world: World, choice: number): Promise<void> {
  const { kafka, gateways, clients, time, member } = world;
  if (member) {
    clients.splice(clients.indexOf(member), 1);
    const closing = member.close();
    await time.pass(20);
    await closing;
  }
  const gateway = gateways[choice % gateways.length];
  if (!gateway) return;
  world.member = openEpochMember(kafka, gateway, world.committed);
  clients.push(world.member);
}

function startOf({ tokens, clients }: World, choice: number): Parameters<typeof openEpochClient>[2] {
  const held = [...tokens, ...clients.flatMap((client) => client.token() ?? [])];
  if (choice % 4 === 0) return { kind: 'earliest' };
  const token = held[choice % held.length];
  if (choice % 4 === 1 || token === undefined) return { kind: 'latest' };
  return { kind: 'token', token };
}

/** Where a log was cut it does not grow past what nobody can tell from the log before (G6). */
function append(world: World, order: number, count: number): void {
  const { kafka } = world;
  const { partitions = [] } = kafka.current() ?? {};
  const orderId = `order-${order}`;
  const partition = keyHash(orderId) % partitions.length;
  const records = partitions[partition]?.records ?? [];
  for (let left = count; left > 0; left -= 1) {
    const ahead = untoldBy(world, partition).filter((offset) => offset > records.length);
    if (ahead.some((offset) => records.length + 1 >= offset)) return;
    world.appended += 1;
    kafka.append(partition, numberedRecord(world.appended, orderId));
  }
}

/** Where streams stand that Kafka has told of more than their gateway has read: of that it knows no epoch. */
function untoldBy({ kafka, gateways, clients }: World, partition: number): number[] {
  const id = kafka.current()?.id;
  const heads = gateways.flatMap(({ log }) => {
    const topic = log.topic();
    return topic?.id === id && partition < (topic?.partitionCount ?? 0) ? [log.head(partition)] : [];
  });
  const positions = clients.flatMap((client) => {
    const position = client.refusal() ? undefined : client.position();
    return position?.topicId === id ? [position?.next[partition] ?? 0n] : [];
  });
  return positions.filter((offset) => heads.some((head) => offset > head)).map(Number);
}

/** Everybody hears of everything; who comes then is told the same by all. */
async function settle(world: World): Promise<void> {
  const { kafka, gateways, clients } = world;
  await untilAtRest(world);
  const late = gateways.map((gateway) => openEpochClient(kafka, gateway, { kind: 'earliest' }, false));
  clients.push(...late);
  await untilAtRest(world);
  for (const client of clients) client.check(true);
  for (const client of late) {
    const refusal = client.refusal();
    if (refusal) throw refusal;
  }
}

async function untilAtRest({ kafka, time, clients }: World): Promise<void> {
  await time.pass(HEARD_MS, SETTLE_TICK_MS);
  for (let passedMs = HEARD_MS; passedMs < SETTLE_MS; passedMs += SETTLE_TICK_MS) {
    if (clients.every((client) => client.refusal() ?? isAtEnd(client, kafka))) return;
    await time.pass(SETTLE_TICK_MS, SETTLE_TICK_MS);
  }
}

function isAtEnd(client: EpochClient, kafka: SimulatedKafka): boolean {
  const [topic, position] = [kafka.current(), client.position()];
  if (!topic || position?.topicId !== topic.id) return false;
  return topic.partitions.every(
    ({ records }, partition) => position.next[partition] === BigInt(records.length),
  );
}

import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import net from 'node:net';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import { chooseSeed, createRandom, type SeededRandom } from '../../../test/harness/seeded-random.ts';
import { ORDER, startApi, TEA } from '../testing/order-client.ts';

/** Each kind of write is cut off after each so-manieth byte, from another one on with each kind. */
const STRIDE = 7;
const CLIENTS = 6;
const IMPORTED_VERSION = 4;
const STATUSES = ['confirmed', 'processing', 'shipped', 'cancelled'] as const;

const KINDS = ['place', 'place once', 'change items', 'change status', 'import'] as const;
type Kind = (typeof KINDS)[number];

/** `unread`: all of it was sent, and nobody waited for the answer, so that both may be. */
type Fate = 'acknowledged' | 'refused' | 'cut off' | 'unread';

interface Write {
  readonly kind: Kind;
  /** Stands in the event that the write makes, and in no other of its type but for changes of the status. */
  readonly mark: string;
  readonly fate: Fate;
  /** What was acknowledged. */
  readonly made?: { readonly orderId: string; readonly version: number };
}

interface StoredEvent {
  readonly orderId: string;
  readonly version: number;
  readonly mark: string;
  readonly changesStatus: boolean;
}

interface Outcome {
  readonly writes: readonly Write[];
  /** Versions of the orders that there are. */
  readonly orders: ReadonlyMap<string, number>;
  readonly imported: ReadonlySet<string>;
  readonly events: readonly StoredEvent[];
}

/** What breaks the promise that each write that was made has one event for each version, and any other has none. */
function faultsOf({ writes, orders, imported, events }: Outcome): string[] {
  const faults: string[] = [];
  const byOrder = Map.groupBy(events, ({ orderId }) => orderId);
  for (const orderId of new Set([...orders.keys(), ...byOrder.keys()])) {
    const first = imported.has(orderId) ? IMPORTED_VERSION : 1;
    const last = orders.get(orderId) ?? 0;
    const expected = Array.from({ length: Math.max(0, last - first + 1) }, (_, index) => first + index);
    const found = (byOrder.get(orderId) ?? []).map(({ version }) => version);
    if (found.join() !== expected.join()) faults.push(`${orderId} at ${last} has the events ${found.join()}`);
  }
  const marked = Map.groupBy(
    events.filter(({ changesStatus }) => !changesStatus),
    ({ mark }) => mark,
  );
  for (const { kind, mark, fate, made } of writes) {
    const own = made
      ? events.filter(({ orderId, version }) => orderId === made.orderId && version === made.version)
      : (marked.get(mark) ?? []);
    if (fate === 'acknowledged' && own.length !== 1)
      faults.push(`${kind} was made, with ${own.length} events`);
    if ((fate === 'refused' || fate === 'cut off') && own.length > 0)
      faults.push(`${kind} ${fate}: an event`);
  }
  const moves = (...fates: Fate[]) =>
    writes.filter(({ kind, fate }) => kind === 'change status' && fates.includes(fate)).length;
  const moved = events.filter(({ changesStatus }) => changesStatus).length;
  if (moved < moves('acknowledged') || moved > moves('acknowledged', 'unread')) {
    faults.push(`${moved} events of ${moves('acknowledged')} changes of the status`);
  }
  return faults;
}

/** A write of this kind as it is sent; some are of what there is not, or not in this version. */
function requestOf(kind: Kind, mark: string, orderId: string, random: SeededRandom): Buffer {
  const items = [{ ...TEA, sku: mark }];
  const imported = { order_id: orderId, ...ORDER, items, status: 'confirmed', version: IMPORTED_VERSION };
  const [line, body, ...headers] = {
    place: ['POST /orders', { ...ORDER, items }],
    'place once': ['POST /orders', { ...ORDER, items }, `idempotency-key: ${mark}`],
    'change items': [
      `PATCH /orders/${orderId}`,
      { items },
      `if-match: ${random.pick(['*', '"v1", "v2", "v3", "v4"'])}`,
    ],
    'change status': [`PUT /orders/${orderId}/status`, { status: random.pick(STATUSES) }],
    import: [
      'POST /order-imports',
      { orders: [{ ...imported, created_at: '2025-11-03T08:15:00Z' }], events: true },
    ],
  }[kind] as [string, object, ...string[]];
  const payload = JSON.stringify(body);
  const about = [
    'host: api',
    'content-type: application/json',
    `content-length: ${Buffer.byteLength(payload)}`,
  ];
  const head = [`${line} HTTP/1.1`, 'connection: close', ...about, ...headers];
  return Buffer.from(`${head.join('\r\n')}\r\n\r\n${payload}`);
}

/** Of an answer; an import's names no version, and a refusal neither. */
interface Told {
  readonly order_id?: string;
  readonly version?: number;
}

async function connect(url: string): Promise<net.Socket> {
  const { hostname, port } = new URL(url);
  const socket = net.connect({ host: hostname, port: Number(port) });
  socket.on('error', () => {});
  await once(socket, 'connect');
  return socket;
}

/** Sends what there is of a request, and leaves with or without a word. */
async function sendAndLeave(url: string, bytes: Buffer, leave: 'end' | 'destroy'): Promise<void> {
  const socket = await connect(url);
  const closed = new Promise((resolve) => socket.once('close', resolve));
  await new Promise((resolve) => socket.write(bytes, resolve));
  if (leave === 'end') socket.end().resume();
  else socket.destroy();
  await closed;
}

async function sendAndRead(url: string, bytes: Buffer): Promise<{ status: number; body: Told }> {
  const socket = await connect(url);
  socket.write(bytes);
  const [head = '', body = ''] = (await text(socket)).split('\r\n\r\n');
  return { status: Number(head.split(' ')[1]), body: JSON.parse(body) as Told };
}

test('whatever is refused, cut off after any byte or left unread, each write that is made has one event of each version, and any other none', async (t) => {
  const seed = chooseSeed(process.env['WRITES_SEED']);
  t.diagnostic(`WRITES_SEED=${seed}`);
  const choices = createRandom(seed);
  const { api, pool, place, events } = await startApi(t);
  const url = api.urls.http;
  const known: [string, ...string[]] = [await place(), await place(), await place()];
  const placed = known.length;
  const writes: Write[] = [];
  const imported = new Set<string>();

  async function write(kind: Kind, random: SeededRandom, cutAt?: number): Promise<number> {
    const mark = `m-${randomUUID()}`;
    const orderId = kind === 'import' ? randomUUID() : random.pick([randomUUID(), ...known, ...known]);
    const bytes = requestOf(kind, mark, orderId, random);
    if (kind === 'import') imported.add(orderId);
    if (cutAt === undefined) {
      const { status, body } = await sendAndRead(url, bytes);
      const fate = status < 300 ? 'acknowledged' : 'refused';
      const of = {
        orderId: body.order_id ?? orderId,
        version: body.version ?? IMPORTED_VERSION,
      };
      writes.push({ kind, mark, fate, ...(fate === 'acknowledged' && { made: of }) });
      if (fate === 'acknowledged') known.push(of.orderId);
    } else {
      await sendAndLeave(url, bytes.subarray(0, cutAt), random.pick(['end', 'destroy']));
      writes.push({ kind, mark, fate: cutAt < bytes.length ? 'cut off' : 'unread' });
    }
    return bytes.length;
  }

  const work: (() => Promise<unknown>)[] = [];
  for (const [index, kind] of KINDS.entries()) {
    const length = await write(kind, choices.fork());
    // Ids and marks are of one length; statuses and conditions are not, so the ends are tried with some bytes to spare.
    for (let cutAt = 1 + index; cutAt < length + 2 * STRIDE; cutAt += cutAt < length - STRIDE ? STRIDE : 1) {
      const [forCut, forWhole] = [choices.fork(), choices.fork()];
      work.push(
        () => write(kind, forCut, cutAt),
        () => write(kind, forWhole),
      );
    }
  }
  const next = work.values();
  await Promise.all(
    Array.from({ length: CLIENTS }, async () => {
      for (const one of next) await one();
    }),
  );
  // What nobody waits for any more is done by then.
  api.kill('SIGTERM');
  assert.deepEqual(await api.exited, { code: 0, signal: null });

  const { rows } = await pool.query<{ id: string; version: number }>('SELECT id, version FROM orders');
  const outcome: Outcome = {
    writes: [
      ...known.slice(0, placed).map((orderId): Write => {
        return { kind: 'place', mark: TEA.sku, fate: 'acknowledged', made: { orderId, version: 1 } };
      }),
      ...writes,
    ],
    orders: new Map(rows.map(({ id, version }) => [id, version])),
    imported,
    events: (await events()).map(({ event: { order, eventType } }) => ({
      ...{ orderId: order.orderId, version: order.version, mark: order.items[0]?.sku ?? '' },
      changesStatus: eventType === 'order.status_changed',
    })),
  };
  assert.deepEqual(faultsOf(outcome), []);
  const counts = Object.entries(Object.groupBy(writes, ({ fate }) => fate)).map(
    ([fate, those]) => `${those.length} ${fate}`,
  );
  t.diagnostic(counts.join(', '));
  assert.equal(counts.length, 4, counts.join());

  for (const [what, changed] of Object.entries(mutants(outcome))) {
    assert.notDeepEqual(faultsOf({ ...outcome, events: changed }), [], `not noticed: ${what}`);
  }
});

/** What a service would have stored that keeps the promise not quite. */
function mutants({ writes, events }: Outcome): Record<string, readonly StoredEvent[]> {
  const made = writes.findLast(({ fate }) => fate === 'acknowledged')?.made;
  const ofLast = ({ orderId, version }: StoredEvent) => orderId === made?.orderId && version === made.version;
  const cutOff = writes.find(({ fate }) => fate === 'cut off')!;
  return {
    'an event is missing': events.filter((event) => !ofLast(event)),
    'an event is there twice': events.flatMap((event) => (ofLast(event) ? [event, event] : [event])),
    'two events are the wrong way round': events.toSorted((a, b) => b.version - a.version),
    'a write that was cut off has an event': [
      ...events,
      { orderId: randomUUID(), version: 1, mark: cutOff.mark, changesStatus: false },
    ],
  };
}

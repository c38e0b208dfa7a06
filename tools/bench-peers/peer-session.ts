import type { BenchContext } from '../bench-relay/bench-part.ts';
import { withClient } from '../bench-relay/bench-servers.ts';
import type { Peer, PeerPlace } from './peer.ts';

/** Works with a peer's place, and clears it away before the next peer has its turn. */
export async function withPlace<T>(
  context: BenchContext,
  { table }: Peer,
  work: (context: BenchContext, place: PeerPlace) => Promise<T>,
): Promise<T> {
  const cleanUps: (() => Promise<unknown>)[] = [];
  const own: BenchContext = { ...context, defer: (cleanUp) => void cleanUps.push(cleanUp) };
  const name = `bench_${table.name}`;
  try {
    own.defer(() => context.servers.dropDatabase(name));
    const databaseUrl = await context.servers.createDatabase(name);
    await withClient(databaseUrl, async (client) => {
      for (const statement of table.create) await client.query(statement);
    });
    const topic = `${name}.${process.hrtime.bigint()}`;
    await context.servers.createTopic(topic);
    return await work(own, { databaseUrl, topic });
  } finally {
    for (const cleanUp of cleanUps.toReversed()) {
      await cleanUp().catch((error: unknown) => context.step(`clean-up failed: ${String(error)}`));
    }
  }
}

/** The middle one, or the mean of the two in the middle. */
export function median(figures: readonly number[]): number {
  const sorted = figures.toSorted((one, other) => one - other);
  const middle = sorted.length / 2;
  return ((sorted[Math.ceil(middle) - 1] ?? Number.NaN) + (sorted[Math.floor(middle)] ?? Number.NaN)) / 2;
}

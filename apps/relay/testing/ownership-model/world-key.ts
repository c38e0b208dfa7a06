import { isAlive, LEASE_MS } from './tables.ts';
import { RULES, type Sent, type World } from './world.ts';

/** A stop that began longer ago is over. */
const STOPPED_MS = 2 * RULES.times.drainMs;

/**
 * A text that is equal for worlds in which the same can happen: times count from now, and those that are over are all the same;
 * epochs count back from the newest.
 */
export function worldKey(world: World): string {
  const { nowMs, tables, relays, late, publishedEpochs, left } = world;
  const newest = (partition: number) => tables.rows[partition]?.epoch ?? 0n;
  const inFuture = (atMs: number) => Math.max(-1, atMs - nowMs);
  const age = (epoch: bigint, partition: number) => {
    const epochs = newest(partition) - epoch;
    return epochs > 2n ? 2n : epochs;
  };
  const leases = (list: readonly { partition: number; epoch: bigint }[]) =>
    list.map(({ partition, epoch }) => `${partition}.${age(epoch, partition)}`).join();

  const sentKey = (sent: Sent) => {
    const { request, renewals, alive, owner, sentAtMs, reach, kafka, answer } = sent;
    const limit = request.kind === 'acquire' ? request.limit : request.kind === 'release' && request.leaving;
    const stored = renewals.map(
      ({ checkpoint }) => `${checkpoint.logOffset}${checkpoint.cursor.page ? 'w' : ''}`,
    );
    const head = `${owner} ${request.kind} ${leases(request.leases)} ${limit} ${alive} ${reach} ${kafka} ${stored.join()}`;
    // When it was sent matters to its relay only, and after a while not even to that.
    return `${head} ${Math.max(-LEASE_MS, sentAtMs - nowMs)} ${answer ? answerKey(answer) : ''}`;
  };
  const answerKey = (answer: NonNullable<Sent['answer']>) => {
    if (answer.kind === 'view') {
      const { ours, locked, ...counts } = answer.view;
      return `${ours.map(({ partition, mode }) => partition + mode).join()} ${locked.join()} ${Object.values(counts).join()}`;
    }
    if (answer.kind === 'released') return [...answer.partitions].join();
    return `${leases(answer.leases)} ${answer.leases.map(({ mode, checkpoint }) => `${mode}${checkpoint.logOffset}${checkpoint.cursor.page ? 'w' : ''}`).join()}`;
  };

  const rows = tables.rows.map(
    ({ owner, leaseUntilMs, mode, hasWindow, position, isLocked }) =>
      `${owner} ${inFuture(leaseUntilMs)} ${mode} ${hasWindow} ${position} ${isLocked}`,
  );
  const heartbeats = [...tables.heartbeats]
    .filter(([, atMs]) => isAlive(atMs, nowMs))
    .map(([id, atMs]) => `${id} ${atMs - nowMs} ${tables.standings.get(id)}`);
  const processes = relays.map(({ id, isUp, state, sent, reach, progress, underWayUntilMs }) => {
    const holdings = [...state.holdings].map(
      ([partition, { epoch, inherited, validUntilMs, leaving }]) =>
        `${partition} ${age(epoch, partition)} ${inFuture(validUntilMs)} ${inherited.logOffset} ${leaving ? Object.values(leaving).join() : ''}`,
    );
    const reached = [...progress].map(
      ([partition, { position, hasWindow }]) => `${partition} ${position} ${hasWindow}`,
    );
    const underWay = [...underWayUntilMs].map(([partition, untilMs]) => `${partition} ${inFuture(untilMs)}`);
    const times = [state.validUntilMs, state.renewAtMs].map(inFuture).join();
    const stopping =
      state.stopping && `${Math.max(-STOPPED_MS, state.stopping.sinceMs - nowMs)} ${state.stopping.left}`;
    return [
      id,
      isUp,
      times,
      state.wanted,
      state.gaveWay,
      reach,
      stopping,
      holdings.sort(),
      reached.sort(),
      underWay.sort(),
      sent && sentKey(sent),
    ].join('|');
  });
  const published = publishedEpochs.map((epoch, partition) => age(epoch, partition));
  const waiting = late.map((sent) => sentKey({ ...sent, sentAtMs: nowMs })).sort();
  return [rows, heartbeats.sort(), processes, published, waiting, Object.values(left)].join('#');
}

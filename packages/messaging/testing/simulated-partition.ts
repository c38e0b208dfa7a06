export interface SimulatedRecord {
  /** What a test knows it by. */
  readonly name: number;
  /** One record; its base offset is set when it is appended. */
  readonly batch: Buffer;
}

export interface SimulatedPartition {
  /** By offset; those before `start` are deleted. */
  readonly records: SimulatedRecord[];
  start: number;
  leader: number;
  /** Where the log of each epoch of its leader begins; the newest is the present one. */
  readonly epochStarts: number[];
}

export function newPartition(leader: number): SimulatedPartition {
  return { records: [], start: 0, leader, epochStarts: [0] };
}

export function epochOf({ epochStarts }: SimulatedPartition): number {
  return epochStarts.length - 1;
}

/** Where what was written up to an epoch ends. */
export function epochEndOf({ epochStarts, records }: SimulatedPartition, epoch: number): number {
  return epochStarts[epoch + 1] ?? records.length;
}

export function chooseLeader(partition: SimulatedPartition, node: number): void {
  partition.leader = node;
  partition.epochStarts.push(partition.records.length);
}

/** What a replica has that does not have the newest records: its log says of no epoch that it reaches further. */
export function cutAt({ records, start, epochStarts }: SimulatedPartition, end: number): void {
  records.length = Math.min(records.length, Math.max(end, start));
  for (const [epoch, begin] of epochStarts.entries()) epochStarts[epoch] = Math.min(begin, records.length);
}

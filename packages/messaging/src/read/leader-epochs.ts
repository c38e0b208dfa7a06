import type { PartitionPositions } from '../cluster/log-offsets.ts';
import type { BrokerConnection } from '../wire/broker-connection.ts';
import { epochEndsRequest, type EpochQuestion } from '../wire/epoch-ends.ts';
import { KafkaProtocolError } from '../wire/protocol-error.ts';

/**
 * By partition, the epoch of its leader in which everything was read so far. Offsets do not tell a log that was cut and has grown since
 * from one that was not: epochs do. Whoever reads on after an end of `follow` keeps them with the positions.
 */
export type LeaderEpochs = Map<number, number>;

/** Of one leader, as metadata tell of it. */
export interface LeaderView {
  readonly connection: BrokerConnection;
  readonly topic: string;
  readonly currentEpochs: ReadonlyMap<number, number>;
}

/**
 * Asks a leader, before it is read from, whether it has what was read under the one before: `onCut` is told of each partition whose log
 * parted from that before the position, and where. `epochs` are those of this leader after that. A partition that fails is taken out of
 * `partitions` and told to `onFailure`; when the connection fails the promise rejects.
 */
export async function checkEpochs(
  { connection, topic, currentEpochs }: LeaderView,
  read: {
    readonly partitions: Set<number>;
    readonly positions: PartitionPositions;
    readonly epochs: LeaderEpochs;
    readonly onCut: (partition: number, end: bigint) => Promise<void>;
    readonly onFailure: (partition: number, error: Error) => void;
  },
  signal: AbortSignal,
): Promise<void> {
  const { partitions, positions, epochs } = read;
  const questions: EpochQuestion[] = [...partitions].flatMap((partition) => {
    const [readEpoch, currentEpoch] = [epochs.get(partition), currentEpochs.get(partition)];
    return readEpoch === undefined || currentEpoch === undefined || readEpoch === currentEpoch
      ? []
      : [{ partition, readEpoch, currentEpoch }];
  });
  if (questions.length > 0) {
    for (const { partition, errorCode, end } of await connection.send(
      epochEndsRequest(topic, questions),
      signal,
    )) {
      if (errorCode !== 0) {
        partitions.delete(partition);
        read.onFailure(partition, new KafkaProtocolError(errorCode, `leader of partition ${partition}`));
      } else if (end !== undefined && end < (positions.get(partition) ?? 0n)) {
        await read.onCut(partition, end);
      }
    }
  }
  for (const partition of partitions) {
    const currentEpoch = currentEpochs.get(partition);
    if (currentEpoch !== undefined) epochs.set(partition, currentEpoch);
  }
}

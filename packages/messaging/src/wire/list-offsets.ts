import { requests } from 'kafkajs/src/protocol/requests/index.js';
import { type Isolation, ISOLATION_LEVEL } from './fetch.ts';
import type { WireRequest } from './wire-request.ts';

/** Instead of a time: the end of the log, as far as the isolation level sees it. */
export const LATEST = -1;
/** Instead of a time: the first record that the log still has, or the end of an empty one. */
export const EARLIEST = -2;
/** The offset where no record is as late as the time asked for. */
export const NO_OFFSET = -1n;

export interface OffsetQuestion {
  readonly partitions: readonly number[];
  readonly isolation: Isolation;
  /** Of the first record wanted, in milliseconds, or one of the constants above. */
  readonly timestamp: number;
}

/** A record as a broker finds it. `timestampMs` is -1 when an end of the log was asked for; the caller judges the code. */
export interface FoundOffset {
  readonly partition: number;
  readonly errorCode: number;
  readonly offset: bigint;
  readonly timestampMs: number;
}

const listOffsets3 = requests.ListOffsets.protocol({ version: 3 });

/** Asks the leader of all `partitions` where records of a time begin; one answer for each. */
export function listOffsetsRequest(
  topic: string,
  { partitions, isolation, timestamp }: OffsetQuestion,
): WireRequest<readonly FoundOffset[]> {
  const { request, response } = listOffsets3({
    isolationLevel: ISOLATION_LEVEL[isolation],
    topics: [{ topic, partitions: partitions.map((partition) => ({ partition, timestamp })) }],
  });
  return {
    request,
    response: {
      async decode(payload) {
        const [answered] = (await response.decode(payload)).responses;
        return (answered?.partitions ?? []).map((found) => ({
          partition: found.partition,
          errorCode: found.errorCode,
          offset: BigInt(found.offset),
          timestampMs: Number(found.timestamp),
        }));
      },
    },
  };
}

import type { BrokerConnection } from '../wire/broker-connection.ts';
import { LATEST, listOffsetsRequest } from '../wire/list-offsets.ts';
import { KafkaProtocolError } from '../wire/protocol-error.ts';

/** Rejects when the log behind a connection does not reach to where the next batch belongs. */
export type EndCheck = (connection: BrokerConnection) => Promise<void>;

/** The log has lost what was acknowledged. Whoever has claimed it has to do so again. */
export class LogTooShortError extends Error {
  override readonly name = 'LogTooShortError';
}

/**
 * A broker that comes back with a log that was cut may take the next batch: it lies before what was lost then, and what is published
 * again comes behind it, out of order. So the leader is asked once on each new connection, as nobody who has lost something keeps one.
 * `asked` remembers the connection.
 */
export function endCheck(
  log: { readonly topic: string; readonly partition: number },
  baseOffset: bigint,
  asked: { onConnection: BrokerConnection | undefined },
): EndCheck {
  const { topic, partition } = log;
  return async (connection) => {
    if (asked.onConnection === connection) return;
    const question = { partitions: [partition], isolation: 'uncommitted', timestamp: LATEST } as const;
    const [end] = await connection.send(listOffsetsRequest(topic, question));
    const what = `the end of partition ${partition} of ${topic}`;
    if (!end) throw new Error(`the broker did not tell ${what}`);
    if (end.errorCode !== 0) throw new KafkaProtocolError(end.errorCode, what);
    if (end.offset < baseOffset) {
      throw new LogTooShortError(
        `partition ${partition} ends at offset ${end.offset} instead of ${baseOffset}: it was truncated, or the topic created again`,
      );
    }
    asked.onConnection = connection;
  };
}

import Encoder from 'kafkajs/src/protocol/encoder.js';
import { requests } from 'kafkajs/src/protocol/requests/index.js';
import { ByteReader, skipTags } from './byte-reader.ts';
import type { ProducerIdentity } from './record-batch-encoding.ts';
import type { Coded, WireRequest } from './wire-request.ts';

const addPartitions1 = requests.AddPartitionsToTxn.protocol({ version: 1 });
const endTransaction1 = requests.EndTxn.protocol({ version: 1 });

/** A transaction that nobody ended is aborted after this; until then committed readers wait before it. */
export const TRANSACTION_TIMEOUT_MS = 10_000;

const NOBODY: ProducerIdentity = { producerId: '-1', producerEpoch: -1 };

/**
 * Takes the transactional id over: its producer id with a higher epoch. A transaction of an older owner is aborted. With `held` only
 * if that is still what the id is held by; else the answer is an error (PRODUCER_FENCED, INVALID_PRODUCER_EPOCH).
 *
 * Version 3 by hand: it is the first to carry `held`, and kafkajs ends at 1.
 */
export function initProducerIdRequest(
  transactionalId: string,
  held: ProducerIdentity = NOBODY,
  timeoutMs = TRANSACTION_TIMEOUT_MS,
): WireRequest<Coded<ProducerIdentity>> {
  return {
    request: {
      apiKey: 22,
      apiVersion: 3,
      apiName: 'InitProducerId',
      encode: () =>
        Promise.resolve(
          new Encoder()
            .writeUVarInt(0) // tags of the request header, which is a flexible one in this version
            .writeUVarIntString(transactionalId)
            .writeInt32(timeoutMs)
            .writeBuffer(int64(held.producerId))
            .writeInt16(held.producerEpoch)
            .writeUVarInt(0),
        ),
    },
    response: {
      decode(payload) {
        const reader = new ByteReader(payload);
        skipTags(reader);
        reader.skip(4); // throttle time
        const errorCode = reader.int16();
        return { errorCode, producerId: String(reader.int64()), producerEpoch: reader.int16() };
      },
    },
  };
}

export function addPartitionRequest(
  transactionalId: string,
  identity: ProducerIdentity,
  topic: string,
  partition: number,
): WireRequest<Coded> {
  const { request, response } = addPartitions1({
    ...identity,
    transactionalId,
    topics: [{ topic, partitions: [partition] }],
  });
  return {
    request,
    response: {
      async decode(payload) {
        const [answer] = (await response.decode(payload)).errors;
        return { errorCode: answer?.partitionErrors[0]?.errorCode ?? 0 };
      },
    },
  };
}

/** The broker answers before the abort markers are written; the next request of the id waits for them (CONCURRENT_TRANSACTIONS). */
export function abortTransactionRequest(
  transactionalId: string,
  identity: ProducerIdentity,
): WireRequest<Coded> {
  return endTransaction1({ ...identity, transactionalId, transactionResult: false });
}

function int64(value: string): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigInt64BE(BigInt(value));
  return bytes;
}

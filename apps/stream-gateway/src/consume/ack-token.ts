import {
  decodeCheckedToken,
  decodeVarints,
  encodeCheckedToken,
  encodeVarint,
  MalformedTokenError,
} from '../position/checked-token.ts';

/** Kinds 0 and 1 are resume tokens: one is not taken for the other. */
const ACKNOWLEDGEMENT = 2;
const STREAM_ID_BYTES = 16;
const MAX_NUMBER = BigInt(Number.MAX_SAFE_INTEGER);

/** A message of one stream: the streams of a subscription have ids of their own, and count their messages from 1. */
export interface AckPoint {
  /** A UUID. */
  readonly streamId: string;
  /** 0 stands before the first message. */
  readonly messageNumber: number;
}

/**
 * A checked token of the stream and the number of a message. Offsets are not in it: the stream knows which of a message's events it
 * still has to account for, which the client's copy of an offset would not, after the partition has been elsewhere and back.
 */
export function encodeAckToken({ streamId, messageNumber }: AckPoint): string {
  const body = Buffer.concat([
    Buffer.from(streamId.replaceAll('-', ''), 'hex'),
    Buffer.from(encodeVarint(BigInt(messageNumber))),
  ]);
  return encodeCheckedToken({ kind: ACKNOWLEDGEMENT, body });
}

/** Throws a MalformedTokenError for everything that encodeAckToken has not made. */
export function decodeAckToken(token: string): AckPoint {
  const { kind, body } = decodeCheckedToken(token);
  if (kind !== ACKNOWLEDGEMENT || body.length <= STREAM_ID_BYTES) {
    throw new MalformedTokenError('is no acknowledgement token');
  }
  const [number, ...more] = decodeVarints(body.subarray(STREAM_ID_BYTES), MAX_NUMBER);
  if (number === undefined || more.length > 0) throw new MalformedTokenError('is not complete');
  const hex = body.toString('hex', 0, STREAM_ID_BYTES);
  const streamId = hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
  return { streamId, messageNumber: Number(number) };
}

import { crc32 } from 'node:zlib';

/**
 * What a resume token stands for. Read and written here by the description of the format, not by the gateway's code: judges do not ask
 * the accused. Offsets are those of the next record, by partition; a log time stands for its first record, 0 for the oldest one.
 */
export type TokenPosition =
  | { readonly kind: 'offsets'; readonly topicId: string; readonly next: readonly bigint[] }
  | { readonly kind: 'log time'; readonly logTimeMs: number };

const VERSION = 1;
const KINDS = ['offsets', 'log time'] as const;
const TOPIC_ID_BYTES = 16;
const CRC_BYTES = 4;

/** Throws for what is no token of version 1. */
export function decodeToken(token: string): TokenPosition {
  const bytes = Buffer.from(token, 'base64url');
  const body = bytes.subarray(0, -CRC_BYTES);
  if (bytes.readUInt32BE(body.length) !== crc32(body)) throw new Error(`wrong checksum: ${token}`);
  const kind = KINDS[body[1] ?? -1];
  if (body[0] !== VERSION || !kind) throw new Error(`no token of version ${VERSION}: ${token}`);
  if (kind === 'log time') return { kind, logTimeMs: Number(numbersOf(body.subarray(2))[0]) };
  const topicId = body.subarray(2, 2 + TOPIC_ID_BYTES).toString('base64url');
  return { kind, topicId, next: numbersOf(body.subarray(2 + TOPIC_ID_BYTES)) };
}

export function encodeToken(position: TokenPosition): string {
  const numbers = position.kind === 'offsets' ? position.next : [BigInt(position.logTimeMs)];
  const topicId = position.kind === 'offsets' ? Buffer.from(position.topicId, 'base64url') : Buffer.alloc(0);
  const body = Buffer.from([
    ...[VERSION, KINDS.indexOf(position.kind)],
    ...topicId,
    ...numbers.flatMap((value) => leb128(value)),
  ]);
  return sealed(body);
}

/** Any bytes with a right checksum. */
export function sealed(body: Buffer): string {
  const checksum = Buffer.alloc(CRC_BYTES);
  checksum.writeUInt32BE(crc32(body));
  return Buffer.concat([body, checksum]).toString('base64url');
}

function numbersOf(bytes: Buffer): bigint[] {
  const numbers: bigint[] = [];
  let digits: bigint[] = [];
  for (const byte of bytes) {
    digits.push(BigInt(byte & 0x7f));
    if (byte & 0x80) continue;
    numbers.push(digits.reduceRight((value, digit) => (value << 7n) | digit, 0n));
    digits = [];
  }
  return numbers;
}

function leb128(value: bigint): number[] {
  const low = Number(value & 0x7fn);
  const rest = value >> 7n;
  return rest === 0n ? [low] : [low | 0x80, ...leb128(rest)];
}

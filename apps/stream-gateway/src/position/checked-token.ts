import { crc32 } from 'node:zlib';

/** What stands in a token: an opaque string that clients store or send back as they got it. */
export interface TokenContent {
  readonly kind: number;
  readonly body: Uint8Array;
}

/** A token that this server, or another one of its version, has not made. The message says what is wrong with it. */
export class MalformedTokenError extends Error {
  override readonly name = 'MalformedTokenError';
}

const VERSION = 1;
const HEAD_BYTES = 2;
const CRC_BYTES = 4;
const MAX_EXACT = BigInt(Number.MAX_SAFE_INTEGER);
const MAX_TOKEN_LENGTH = 128 * 1024;

/** Base64url without padding, of: version (1), kind, the body, and the CRC-32 of all before it (big endian). */
export function encodeCheckedToken({ kind, body }: TokenContent): string {
  const bytes = Buffer.allocUnsafe(HEAD_BYTES + body.length + CRC_BYTES);
  bytes[0] = VERSION;
  bytes[1] = kind;
  bytes.set(body, HEAD_BYTES);
  const checksumAt = HEAD_BYTES + body.length;
  bytes.writeUInt32BE(crc32(bytes.subarray(0, checksumAt)), checksumAt);
  return bytes.toString('base64url');
}

/** Throws a MalformedTokenError for everything that encodeCheckedToken has not made. */
export function decodeCheckedToken(token: string): TokenContent & { readonly body: Buffer } {
  if (token.length > MAX_TOKEN_LENGTH) throw new MalformedTokenError('is too long');
  const bytes = Buffer.from(token, 'base64url');
  // The decoder ignores what is not base64url, and bits beyond the last byte.
  if (bytes.toString('base64url') !== token) throw new MalformedTokenError('is not base64url');
  if (bytes.length < HEAD_BYTES + CRC_BYTES) throw new MalformedTokenError('is too short');
  const content = bytes.subarray(0, -CRC_BYTES);
  if (bytes.readUInt32BE(content.length) !== crc32(content)) {
    throw new MalformedTokenError('has a wrong checksum');
  }
  const [version = 0, kind = 0] = content;
  if (version !== VERSION) {
    throw new MalformedTokenError(`is of version ${version}, this server knows ${VERSION}`);
  }
  return { kind, body: content.subarray(HEAD_BYTES) };
}

/** LEB128: seven bits a byte, the lowest first. */
export function encodeVarint(value: bigint): number[] {
  const bytes: number[] = [];
  let rest = value;
  // Numbers are many times as fast, and nearly always enough.
  for (; rest > MAX_EXACT; rest >>= 7n) bytes.push(Number(rest & 0x7fn) | 0x80);
  let low = Number(rest);
  for (; low > 0x7f; low = Math.floor(low / 0x80)) bytes.push((low % 0x80) | 0x80);
  bytes.push(low);
  return bytes;
}

/** Throws a MalformedTokenError when the last number is cut off or one is above `max`. */
export function decodeVarints(bytes: Uint8Array, max: bigint): bigint[] {
  const values: bigint[] = [];
  let value = 0n;
  let shift = 0n;
  for (const byte of bytes) {
    value |= BigInt(byte & 0x7f) << shift;
    if (value > max) throw new MalformedTokenError('has a number that is too large');
    if (byte & 0x80) {
      shift += 7n;
      continue;
    }
    values.push(value);
    value = 0n;
    shift = 0n;
  }
  if (shift > 0n) throw new MalformedTokenError('is not complete');
  return values;
}

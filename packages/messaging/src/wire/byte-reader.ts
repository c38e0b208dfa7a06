/**
 * A cursor over bytes of the Kafka protocol. Buffers it hands out are views on the bytes it reads, not copies.
 * Every read throws a RangeError when it would pass the end.
 */
export class ByteReader {
  readonly #bytes: Buffer;
  position = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get remaining(): number {
    return this.#bytes.length - this.position;
  }

  int8(): number {
    return this.#bytes.readInt8(this.#advance(1));
  }

  int16(): number {
    return this.#bytes.readInt16BE(this.#advance(2));
  }

  int32(): number {
    return this.#bytes.readInt32BE(this.#advance(4));
  }

  int64(): bigint {
    return this.#bytes.readBigInt64BE(this.#advance(8));
  }

  /** An unsigned varint or varlong; exact up to 2^53. */
  unsignedVarint(): number {
    let value = 0;
    let scale = 1;
    for (;;) {
      const byte = this.#bytes[this.position];
      if (byte === undefined) throw new RangeError('the data ends inside a varint');
      this.position += 1;
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
      scale *= 0x80;
    }
  }

  /** A zigzag varint or varlong; exact up to ±2^52. */
  varint(): number {
    const zigzag = this.unsignedVarint();
    return zigzag % 2 === 0 ? zigzag / 2 : -(zigzag + 1) / 2;
  }

  bytes(length: number): Buffer {
    const start = this.#advance(length);
    return this.#bytes.subarray(start, start + length);
  }

  skip(length: number): void {
    this.#advance(length);
  }

  utf8(length: number): string {
    const start = this.#advance(length);
    return this.#bytes.toString('utf8', start, start + length);
  }

  /** Bytes with a varint length before them; null when the length is -1. */
  varintBytes(): Buffer | null {
    const length = this.varint();
    return length < 0 ? null : this.bytes(length);
  }

  /** A string with an int16 length before it; null when the length is -1. */
  nullableString(): string | null {
    const length = this.int16();
    return length < 0 ? null : this.utf8(length);
  }

  /** A string of the flexible message versions: its length plus one before it, 0 for null. */
  compactString(): string | null {
    const length = this.unsignedVarint() - 1;
    return length < 0 ? null : this.utf8(length);
  }

  #advance(length: number): number {
    const start = this.position;
    if (!(length >= 0 && length <= this.#bytes.length - start)) {
      throw new RangeError(`the data ends ${length - this.remaining} bytes too early`);
    }
    this.position = start + length;
    return start;
  }
}

/** Passes over the tagged fields that end a structure of the flexible message versions. */
export function skipTags(reader: ByteReader): void {
  for (let left = reader.unsignedVarint(); left > 0; left -= 1) {
    reader.unsignedVarint(); // tag
    reader.skip(reader.unsignedVarint());
  }
}

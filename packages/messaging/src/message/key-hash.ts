const SEED = 0x9747b28c;
const MIX = 0x5bd1e995;

/**
 * Hash of a record key: murmur2 of its UTF-8 bytes without the sign bit, as the default partitioner of Kafka's Java client
 * computes it (`Utils.toPositive(Utils.murmur2(bytes))`). `keyHash(key) % partitionCount` is the partition of the key.
 */
export function keyHash(key: string): number {
  return murmur2(Buffer.from(key, 'utf8')) & 0x7fffffff;
}

/** 32-bit MurmurHash2 with the seed of org.apache.kafka.common.utils.Utils; the result is signed, as in Java. */
function murmur2(bytes: Buffer): number {
  const tailLength = bytes.length % 4;
  const tail = bytes.length - tailLength;
  let hash = SEED ^ bytes.length;
  for (let position = 0; position < tail; position += 4) {
    let word = Math.imul(bytes.readInt32LE(position), MIX);
    word ^= word >>> 24;
    hash = Math.imul(hash, MIX) ^ Math.imul(word, MIX);
  }
  if (tailLength > 0) {
    hash = Math.imul(hash ^ bytes.readUIntLE(tail, tailLength), MIX);
  }
  hash ^= hash >>> 13;
  hash = Math.imul(hash, MIX);
  return hash ^ (hash >>> 15);
}

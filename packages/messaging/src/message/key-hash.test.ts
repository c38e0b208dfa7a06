import assert from 'node:assert/strict';
import { test } from 'node:test';
import { keyHash } from './key-hash.ts';

// Computed by org.apache.kafka.common.utils.Utils of kafka-clients 4.3.1: toPositive(murmur2(key.getBytes(UTF_8))).
const JAVA_HASHES: readonly (readonly [key: string, hash: number])[] = [
  ['', 275646681],
  ['a', 584102524],
  ['21', 1173551340],
  ['abc', 479470107],
  ['foobar', 1357151166],
  ['a-little-bit-long-string', 1161502112],
  ['a-little-bit-longer-string', 661178819],
  ['lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8', 2088585677],
  ['018f9c2e-6f0a-7b1c-9d2e-3f4a5b6c7d8e', 1186239319],
  ['ü', 1419834458],
  ['Größe', 1892437951],
  ['заказ-42', 1519377469],
  ['訂單', 130663204],
  ['order-🚚', 479527243],
];

for (const [key, hash] of JAVA_HASHES) {
  test(`the hash of "${key}" is the one of Kafka's Java client`, () => {
    assert.equal(keyHash(key), hash);
  });
}

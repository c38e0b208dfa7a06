import { randomBytes } from 'node:crypto';
import type { TestContext } from 'node:test';

/** A name that no other test has and that tells, in a server's log, whose it is; valid for databases and topics. */
export function testName(t: TestContext): string {
  const title = t.name
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '_')
    .slice(0, 40);
  return `test_${title}_${randomBytes(5).toString('hex')}`;
}

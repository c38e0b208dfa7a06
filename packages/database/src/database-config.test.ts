import assert from 'node:assert/strict';
import { test } from 'node:test';
import { z } from 'zod';
import { databaseAccess, databaseFaults, databaseSettings } from './database-config.ts';

const schema = z.object(databaseSettings);
const accessOf = (env: Record<string, string>) => databaseAccess(schema.parse(env));

test('one URL serves for everything, unless a pooler is in between', () => {
  const server = 'postgres://db/orders';
  const pooler = 'postgres://pooler:6432/orders';
  assert.deepEqual(accessOf({ DATABASE_URL: server }), {
    url: server,
    directUrl: server,
    throughPooler: false,
  });
  assert.deepEqual(accessOf({ DATABASE_URL: pooler, DATABASE_DIRECT_URL: server }), {
    url: pooler,
    directUrl: server,
    throughPooler: true,
  });
});

test('the database of development is refused in production', () => {
  const config = schema.parse({});
  assert.deepEqual(databaseFaults({ ...config, NODE_ENV: 'development' }), []);
  assert.match(databaseFaults({ ...config, NODE_ENV: 'production' }).join(), /DATABASE_URL: must be set/);
});

import assert from 'node:assert/strict';
import { existsSync, globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { parse } from 'yaml';

const CHART = path.resolve(import.meta.dirname, '../../ops/helm/order-events');
const read = (file: string) => readFileSync(path.join(CHART, file), 'utf8');
const validate = new Ajv2020({ strict: true, allowUnionTypes: true }).compile(
  JSON.parse(read('values.schema.json')),
);

test('the defaults and the examples of values are as their schema says', () => {
  const files = ['values.yaml', ...globSync('examples/*.yaml', { cwd: CHART })];
  assert.equal(files.length, 4);
  for (const file of files)
    assert.ok(validate(parse(read(file))), `${file}: ${JSON.stringify(validate.errors)}`);
});

test('every value that there is a schema for has a default, so that the file of values is the list of them', () => {
  assert.deepEqual(withoutDefault(JSON.parse(read('values.schema.json')), parse(read('values.yaml'))), []);
});

for (const [what, values] of [
  ['a misspelt value', { api: { replica: 2 } }],
  ['a broker without a port', { kafka: { brokers: ['kafka'] } }],
  ['a time to stop that the process would refuse', { relay: { stopDeadlineMs: 10 } }],
  ['an image that is not pinned by a digest', { image: { digest: 'latest' } }],
  ['a secret in the open', { database: { url: 'postgres://orders:secret@db/orders' } }],
] as const) {
  test(`${what} is refused`, () => assert.equal(validate(values), false));
}

test('the rules and dashboards of the chart are those of ops, and no copies', () => {
  for (const file of ['alert-rules/relay-alerts.yaml', 'dashboards/relay-dashboard.json'])
    assert.ok(existsSync(path.join(CHART, file)), file);
});

interface Schema {
  readonly $ref?: string;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly $defs?: Readonly<Record<string, Schema>>;
}

/** Of a part that several components may have of their own the general one has the defaults. */
function withoutDefault(root: Schema, defaults: unknown): string[] {
  const walk = (schema: Schema, value: unknown, at: string): string[] => {
    if (value === undefined) return [at];
    const { properties = {} } = schema;
    return Object.entries(properties).flatMap(([name, property]) => {
      if (at === '' && name === 'global') return [];
      const isOwn = property.$ref && /(database|kafka)$/.test(property.$ref) && at !== '';
      const within = (value as Readonly<Record<string, unknown>>)[name];
      return isOwn ? [] : walk(resolve(root, property), within, `${at}/${name}`);
    });
  };
  return walk(root, defaults, '').filter((at) => !/resources\/(requests|limits|claims)$/.test(at));
}

function resolve(root: Schema, schema: Schema): Schema {
  return schema.$ref ? (root.$defs?.[schema.$ref.replace('#/$defs/', '')] ?? schema) : schema;
}

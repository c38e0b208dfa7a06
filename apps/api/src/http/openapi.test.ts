import assert from 'node:assert/strict';
import { test } from 'node:test';
import { buildOpenApiDocument } from './openapi.ts';

const document = buildOpenApiDocument();
const operations = Object.values(document.paths).flatMap((methods) => Object.values(methods));

/** All objects below a value, with the pointer that leads to each. */
function objects(value: unknown, pointer = '#'): [string, Record<string, unknown>][] {
  if (typeof value !== 'object' || value === null) return [];
  const inner = Object.entries(value).flatMap(([name, child]) => objects(child, `${pointer}/${name}`));
  return [[pointer, value as Record<string, unknown>], ...inner];
}

/** The names of the schemas that a value refers to, directly or not. */
function schemasOf(value: unknown, known = new Set<string>()): Set<string> {
  for (const [, { $ref }] of objects(value)) {
    const name = typeof $ref === 'string' ? $ref.split('/').at(-1)! : undefined;
    if (name === undefined || known.has(name)) continue;
    known.add(name);
    schemasOf(document.components.schemas[name], known);
  }
  return known;
}

const objectSchemas = (name: string) =>
  objects(document.components.schemas[name], name).filter(([, schema]) => schema['type'] === 'object');

test('patterns hold nothing that the engine of another language reads otherwise or not at all', () => {
  const patterns = objects(document).flatMap(([at, { pattern }]) =>
    typeof pattern === 'string' ? [[at, pattern] as const] : [],
  );
  assert.ok(patterns.length > 5);
  for (const [at, pattern] of patterns) {
    // Classes by property, classes that Unicode widens in some engines, escapes of four digits, groups with a meaning.
    assert.doesNotMatch(pattern, /\\[pPdDwWsSbBuU]|\(\?/, at);
    assert.match(pattern, /^\^.*\$$/, `${at}: not anchored`);
  }
});

test('what is sent is closed and what is answered is open', () => {
  const requests = schemasOf(operations.map((operation) => operation.requestBody));
  const answers = schemasOf(operations.map((operation) => operation.responses));
  assert.ok(requests.size > 3 && answers.size > 3);
  for (const [at, schema] of [...requests].flatMap(objectSchemas)) {
    assert.equal(schema['additionalProperties'], false, `${at} is open`);
  }
  for (const [at, schema] of [...answers].flatMap(objectSchemas)) {
    assert.equal(schema['additionalProperties'], undefined, `${at} is closed`);
  }
  assert.deepEqual(
    Object.keys(document.components.schemas).filter((name) => !requests.has(name) && !answers.has(name)),
    [],
    'named and not used',
  );
});

test('links name operations and parameters that there are', () => {
  const links = objects(document).flatMap(([at, { links: found }]) => objects(found, at).slice(1));
  const targets = links.filter(([, link]) => 'operationId' in link);
  assert.ok(targets.length > 5);
  for (const [at, { operationId, parameters }] of targets) {
    const operation = operations.find((each) => each.operationId === operationId);
    const names = (operation?.parameters as { name: string }[] | undefined)?.map(({ name }) => name);
    for (const name of Object.keys(parameters as object)) assert.ok(names?.includes(name), `${at}: ${name}`);
  }
});

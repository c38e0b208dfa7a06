import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkSource } from './check-source.ts';

const lines = (count: number) => 'void 0;\n'.repeat(count);
const functionOf = (body: string) => `function f() {\n${body}}\n`;

test('a file has at most 250 lines', () => {
  assert.deepEqual(checkSource('apps/relay/src/relay.ts', lines(250)), []);
  assert.match(checkSource('apps/relay/src/relay.ts', lines(251))[0]!, /251 lines, at most 250/);
});

test('a function has at most 50 lines', () => {
  assert.deepEqual(checkSource('apps/relay/src/relay.ts', functionOf(lines(48))), []);
  assert.match(
    checkSource('apps/relay/src/relay.ts', functionOf(lines(49)))[0]!,
    /relay\.ts:1: function of 51 lines/,
  );
});

test('functions inside a function are counted by themselves', () => {
  const inner = `const g = () => {\n${lines(40)}};\n`;
  assert.deepEqual(checkSource('apps/relay/src/relay.ts', functionOf(inner + inner)), []);
  const long = `const g = () => {\n${lines(49)}};\n`;
  assert.match(
    checkSource('apps/relay/src/relay.ts', functionOf(long))[0]!,
    /relay\.ts:2: function of 51 lines/,
  );
});

test('tests and generated code may be longer', () => {
  assert.deepEqual(checkSource('apps/relay/src/relay.test.ts', lines(400)), []);
  assert.deepEqual(checkSource('packages/order-stream/src/gen/orders.ts', lines(400)), []);
});

for (const name of ['utils.ts', 'common.ts', 'helpers.test.ts', 'types.ts']) {
  test(`no file is called ${name}`, () => {
    assert.match(checkSource(`packages/domain/src/${name}`, '')[0]!, /name the file after what it holds/);
  });
}

for (const source of [
  'process.env.PORT;',
  "process['env'];",
  'globalThis.process.env;',
  'const { env } = process;',
  "import { env } from 'node:process';",
  "import { env as settings } from 'process';",
]) {
  test(`only config.ts reads the environment: ${source}`, () => {
    const found = checkSource('apps/api/src/app.ts', `\n${source}\n`);
    assert.equal(found.length, 1);
    assert.match(found[0]!, /app\.ts:2: only config\.ts reads the environment/);
    assert.deepEqual(checkSource('apps/api/src/config.ts', source), []);
    assert.deepEqual(checkSource('packages/messaging/src/kafka-config.ts', source), []);
    assert.deepEqual(checkSource('tools/start.ts', source), []);
  });
}

for (const call of ['log.warn', 'options.log.debug', 'warn', 'warnOfRead']) {
  test(`an error to be expected is logged without its stack: ${call}`, () => {
    const withStack = `${call}({ err: error, partition }, 'trying on');\n`;
    assert.match(checkSource('apps/relay/src/app.ts', withStack)[0]!, /app\.ts:1: a warning gives its error/);
    assert.deepEqual(checkSource('apps/relay/src/app.ts', withStack.replace('err', 'reason')), []);
    assert.deepEqual(checkSource('apps/relay/src/app.test.ts', withStack), []);
  });
}

test('an error that nobody expected is logged with its stack', () => {
  assert.deepEqual(checkSource('apps/relay/src/app.ts', `log.error({ err: error }, 'unexpected');\n`), []);
});

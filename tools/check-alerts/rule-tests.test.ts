import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { parse } from 'yaml';
import { alertQueries, panelQueries, readRuleFile } from './named-queries.ts';
import { RULE_FILES, RULE_TEST_FILES } from './rule-tests.ts';
import { shortenedRules } from './shortened-rules.ts';

interface RuleTests {
  readonly tests: readonly {
    readonly alert_rule_test: readonly {
      readonly alertname: string;
      readonly exp_alerts: readonly unknown[];
    }[];
  }[];
}

test('every alert has a case in which it fires and one in which it stays quiet', () => {
  const cases = RULE_TEST_FILES.flatMap((file) => {
    const { tests }: RuleTests = parse(readFileSync(path.join(import.meta.dirname, '../..', file), 'utf8'));
    return tests.flatMap((one) => one.alert_rule_test);
  });
  const names = alertQueries().map(({ name }) => name);
  const withCase = (fires: boolean) =>
    names.filter((name) =>
      cases.some((one) => one.alertname === name && one.exp_alerts.length > 0 === fires),
    );
  assert.ok(names.length > 30);
  assert.deepEqual(withCase(true), names);
  assert.deepEqual(withCase(false), names);
});

test('rules with less to wait for ask the same: only durations, and two limits, are others', () => {
  for (const file of RULE_FILES) {
    const long = readRuleFile(file).groups.flatMap(({ rules }) => rules);
    const short = shortenedRules(readRuleFile(file)).groups.flatMap(({ rules }) => rules);
    const limits = /> (900|3600|5)$/;
    const comparable = (expr: string) => expr.replaceAll(/\[\w+\]/g, '[]').replace(limits, '> limit');
    for (const [index, rule] of short.entries()) {
      assert.equal(comparable(rule.expr), comparable(long[index]?.expr ?? ''), rule.alert);
      assert.doesNotMatch(rule.expr, /\[\d+[mh]\]|> (900|3600)$/);
      assert.equal(rule.for === undefined, long[index]?.for === undefined);
    }
  }
});

// Prometheus 3 stores le="1" as le="1.0", Prometheus 2 as it is told: who asks for one of them alone gets nothing from the other.
test('whole numbers of buckets are asked for in both spellings', () => {
  const queries = [...alertQueries(), ...panelQueries()];
  assert.ok(queries.some(({ expression }) => expression.includes('le=~"1|1[.]0"')));
  for (const { name, expression } of queries) assert.doesNotMatch(expression, /\ble="\d+(\.0)?"/, name);
});

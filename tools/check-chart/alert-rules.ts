import { globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { parse } from 'yaml';
import type { Manifest } from './manifest.ts';

const RULES = 'ops/prometheus/*.yaml';
/** A chart may name another place of the same page. */
const RUNBOOK = /("runbook_url":")[^"#]*#/g;

/** Where the rules that the chart brings into a cluster are not those of ops/prometheus, but for the address of the runbook. */
export function alertRuleFaults(manifests: readonly Manifest[], root: string): string[] {
  const rendered = manifests.filter(({ kind }) => kind === 'PrometheusRule');
  if (rendered.length === 0) return [];
  const files = globSync(RULES, { cwd: root }).sort();
  const wanted = files.flatMap((file) => parse(readFileSync(path.join(root, file), 'utf8')).groups);
  const given = rendered.flatMap(({ spec }) => spec?.groups ?? []);
  if (wanted.length === 0) return [`${RULES}: has no rules`];
  return isDeepStrictEqual(comparable(given), comparable(wanted))
    ? []
    : [`the alert rules are not those of ${RULES}`];
}

function comparable(groups: readonly unknown[]): unknown[] {
  return JSON.parse(JSON.stringify(groups).replace(RUNBOOK, '$1#'));
}

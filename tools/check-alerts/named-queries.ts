import { readFileSync } from 'node:fs';
import { globSync } from 'node:fs';
import path from 'node:path';
import { parse } from 'yaml';
import { RULE_FILES } from './rule-tests.ts';

const ROOT = path.resolve(import.meta.dirname, '../..');

/** One expression of PromQL, and where it stands. */
export interface NamedQuery {
  readonly name: string;
  readonly expression: string;
  /** An alert answers with nothing while all is well. */
  readonly kind: 'panel' | 'alert';
}

interface Dashboard {
  readonly title: string;
  readonly panels: readonly {
    readonly title: string;
    readonly targets?: readonly { readonly expr: string }[];
  }[];
}

export interface AlertRule {
  readonly alert: string;
  readonly expr: string;
  readonly for?: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

export interface RuleFile {
  readonly groups: { readonly name: string; readonly rules: AlertRule[] }[];
}

export function readRuleFile(file: string): RuleFile {
  return parse(readFileSync(path.join(ROOT, file), 'utf8'));
}

/** Every query of every panel of the dashboards. */
export function panelQueries(): NamedQuery[] {
  return globSync('ops/grafana/*.json', { cwd: ROOT })
    .sort()
    .flatMap((file) => {
      const dashboard: Dashboard = JSON.parse(readFileSync(path.join(ROOT, file), 'utf8'));
      return dashboard.panels.flatMap(({ title, targets = [] }) =>
        targets.map(({ expr }) => ({
          name: `${dashboard.title} / ${title}`,
          expression: expr,
          kind: 'panel' as const,
        })),
      );
    });
}

/** The expression of every alert. */
export function alertQueries(): NamedQuery[] {
  return RULE_FILES.flatMap((file) =>
    readRuleFile(file).groups.flatMap(({ rules }) =>
      rules.map(({ alert, expr }) => ({ name: alert, expression: expr, kind: 'alert' as const })),
    ),
  );
}

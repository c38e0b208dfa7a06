import type { NamedQuery } from './named-queries.ts';
import type { PrometheusServer } from './prometheus-server.ts';
import { MAY_BE_EMPTY } from './empty-series.ts';

/** What Grafana makes of it with the intervals that are used here: at least four scrapes. */
const RATE_INTERVAL = '20s';

export interface QueryAnswers {
  readonly faults: readonly string[];
  /** Selectors without a series that may have none. */
  readonly empty: ReadonlySet<string>;
  readonly asked: number;
}

/**
 * Asks all of them. One that the server refuses or warns of is a fault; so is one of a panel that answers with no series, and one of
 * an alert that selects a metric which has none.
 */
export async function askAll(
  server: PrometheusServer,
  queries: readonly NamedQuery[],
): Promise<QueryAnswers> {
  const faults: string[] = [];
  const empty = new Set<string>();
  for (const { name, expression, kind } of queries) {
    const query = expression.replaceAll('$__rate_interval', RATE_INTERVAL);
    try {
      const { result } = await server.ask<{ result: readonly unknown[] }>('query', { query });
      const missing = await selectorsWithoutSeries(server, query);
      for (const selector of missing) {
        if (MAY_BE_EMPTY.has(selector)) empty.add(selector);
        else faults.push(`${name}: there is no series ${selector}`);
      }
      if (kind === 'panel' && result.length === 0 && missing.length === 0)
        faults.push(`${name}: no answer to ${query}`);
    } catch (error) {
      faults.push(`${name}: ${query}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  return { faults, empty, asked: queries.length };
}

async function selectorsWithoutSeries(server: PrometheusServer, query: string): Promise<string[]> {
  const selectors = new Set(selectorsOf(await server.ask<unknown>('parse_query', { query })));
  const missing: string[] = [];
  for (const selector of selectors) {
    const { result } = await server.ask<{ result: readonly unknown[] }>('query', { query: selector });
    if (result.length === 0) missing.push(selector);
  }
  return missing;
}

/** The selectors of series in a parsed query, wherever they stand in it. */
function selectorsOf(node: unknown): string[] {
  if (typeof node !== 'object' || node === null) return [];
  const below = Object.values(node).flatMap(selectorsOf);
  return isSelector(node) ? [textOf(node), ...below] : below;
}

interface Selector {
  readonly name: string;
  readonly matchers: readonly { readonly name: string; readonly type: string; readonly value: string }[];
}

function isSelector(node: object): node is Selector {
  return 'type' in node && (node.type === 'vectorSelector' || node.type === 'matrixSelector');
}

function textOf({ name, matchers }: Selector): string {
  const others = matchers.filter((matcher) => matcher.name !== '__name__');
  const texts = others.map((matcher) => `${matcher.name}${matcher.type}${JSON.stringify(matcher.value)}`);
  return texts.length === 0 ? name : `${name}{${texts.join(',')}}`;
}

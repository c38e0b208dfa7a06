import ts from 'typescript';

export interface Source {
  /** Relative to the project, with slashes. */
  readonly file: string;
  readonly text: string;
}

/** The tables that packages/outbox is the one door to. The day tables are parts of the first. */
const TABLES = '(outbox(?:_seq|_default)?|relay_\\w+|parked_event|discarded_event|replay_\\w+)';
const ABOUT_A_TABLE = new RegExp(
  `\\b(?:FROM|JOIN|INTO|UPDATE|TABLE|TRUNCATE|ONLY)\\s+(?:ONLY\\s+)?${TABLES}\\b`,
  'g',
);
const WRITE = new RegExp(
  `\\b(?:INSERT INTO|UPDATE|DELETE FROM|TRUNCATE(?: TABLE)?|ALTER TABLE)\\s+(?:ONLY\\s+)?${TABLES}\\b`,
  'g',
);
/** How a statement begins, whatever it is about. */
const STATEMENT =
  /^\s*(SELECT|INSERT INTO|UPDATE|DELETE FROM|WITH|TRUNCATE|CREATE|ALTER|DROP|LOCK|SHOW|SET|BEGIN|COMMIT|ROLLBACK|NOTIFY|LISTEN)\b/;

const DOOR = 'packages/outbox/src/';
const REPAIR = 'packages/outbox/src/repair/';
/** Beside the API's outbox writer the only insert, held to its form by `make drift-check`. */
const CANARY = 'apps/relay/src/canary/canary-writer.ts';
/** Apps that move events and take commands, and leave every statement to the package. */
const WITHOUT_SQL = /^apps\/(relay|outboxctl)\/src\//;

/**
 * Keeps the outbox and the tables of the relays behind one door: no statement about them outside of packages/outbox, none at all in the
 * relay and in outboxctl, and within the package, repairs apart, one file that writes each table.
 */
export function checkOutboxSql(sources: readonly Source[]): string[] {
  const problems: string[] = [];
  const writers = new Map<string, Set<string>>();
  for (const { file, text } of sources) {
    if (!/^(apps|packages)\/[^/]+\/src\//.test(file) || file.endsWith('.test.ts') || file === CANARY)
      continue;
    for (const { line, value } of stringsOf(file, text)) {
      if (!file.startsWith(DOOR)) problems.push(...outside(file, line, value));
      else if (!file.startsWith(REPAIR)) {
        for (const [, table = ''] of value.matchAll(WRITE)) noteWriter(writers, table, file);
      }
    }
  }
  if (writers.size === 0) problems.push(`${DOOR}: no statement that writes a table was found: look again`);
  for (const table of [...writers.keys()].sort()) {
    const files = [...(writers.get(table) ?? [])].sort();
    if (files.length === 1) continue;
    problems.push(
      `${table} is written in ${files.length} files (${files.join(', ')}): let one of them write it`,
    );
  }
  return problems;
}

function outside(file: string, line: number, value: string): string[] {
  if (WITHOUT_SQL.test(file) && STATEMENT.test(value)) {
    return [`${file}:${line}: a statement: only packages/outbox asks the database`];
  }
  const [table] = [...value.matchAll(ABOUT_A_TABLE)].map(([, name]) => name);
  if (table === undefined) return [];
  return [`${file}:${line}: a statement about ${table}: packages/outbox is the one door to it`];
}

function noteWriter(writers: Map<string, Set<string>>, table: string, file: string): void {
  const name = table === 'outbox_default' ? 'outbox' : table;
  writers.set(name, (writers.get(name) ?? new Set()).add(file));
}

/** Every text of the source; of a template the whole, with what is put in left out. */
function stringsOf(file: string, text: string): { line: number; value: string }[] {
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true);
  const found: { line: number; value: string }[] = [];
  const visit = (node: ts.Node): void => {
    const value = textOf(node);
    if (value !== undefined) {
      found.push({ line: source.getLineAndCharacterOfPosition(node.getStart()).line + 1, value });
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}

function textOf(node: ts.Node): string | undefined {
  if (ts.isStringLiteralLike(node)) return node.text;
  if (!ts.isTemplateExpression(node)) return undefined;
  return [node.head.text, ...node.templateSpans.map(({ literal }) => literal.text)].join('…');
}

import ts from 'typescript';
import { calledName, descendants } from './syntax.ts';

/** A statement that inserts into, updates or otherwise adds rows to a table. */
export interface TableWrite {
  readonly node: ts.Node;
  readonly verb: 'insert' | 'update';
  /** Undefined when it is put together at run time, so that it may be any table. */
  readonly table: string | undefined;
}

const BUILDER_VERBS: Readonly<Record<string, TableWrite['verb']>> = {
  insertInto: 'insert',
  replaceInto: 'insert',
  mergeInto: 'insert',
  updateTable: 'update',
};

/** Stands for a part of an SQL text that is put in at run time. */
const UNKNOWN = '\u{fffd}';
const TABLE = String.raw`((?:["\w${UNKNOWN}]+\.)?["\w${UNKNOWN}]+|$)`;
const INSERT = new RegExp(
  String.raw`\b(?:insert|merge)\s+into\s*${TABLE}|\bcopy\s+${TABLE}\s*(?:\([^)]*\)\s*)?from\b`,
  'gi',
);
const UPDATE = new RegExp(String.raw`\bupdate\s+(?:only\s+)?${TABLE}\s+(?:(?:as\s+)?\w+\s+)?set\b`, 'gi');

/** Writes made through the query builder and in SQL text: strings, templates and sums of them. */
export function tableWrites(source: ts.SourceFile, checker: ts.TypeChecker): TableWrite[] {
  return [...descendants(source)].flatMap((node) => {
    if (ts.isCallExpression(node)) return builderWrites(node, checker);
    if (isText(node) && !isText(node.parent) && !ts.isTemplateSpan(node.parent)) {
      return writesInSql(textOf(node, checker)).map((write) => ({ ...write, node }));
    }
    return [];
  });
}

/** Writes in an SQL text; a table name that ends the text or is put in at run time is unknown. */
export function writesInSql(sql: string): { verb: TableWrite['verb']; table: string | undefined }[] {
  const found = (verb: TableWrite['verb']) => (match: RegExpMatchArray) => ({
    verb,
    table: tableName(match[1] ?? match[2] ?? ''),
  });
  return [
    ...[...sql.matchAll(INSERT)].map(found('insert')),
    ...[...sql.matchAll(UPDATE)].map(found('update')),
  ];
}

function builderWrites(call: ts.CallExpression, checker: ts.TypeChecker): TableWrite[] {
  const verb = BUILDER_VERBS[calledName(call) ?? ''];
  const [argument] = call.arguments;
  if (verb === undefined || argument === undefined) return [];
  const type = checker.getTypeAtLocation(argument);
  const parts = type.isUnion() ? type.types : [type];
  return parts.map((part) => ({
    node: call,
    verb,
    // `orders as o` names a table and an alias.
    table: part.isStringLiteral() ? tableName(part.value.split(/\s/)[0] ?? '') : undefined,
  }));
}

function tableName(text: string): string | undefined {
  const name = text.replaceAll('"', '').split('.').at(-1)?.toLowerCase();
  return name === undefined || name === '' || name.includes(UNKNOWN) ? undefined : name;
}

function isText(node: ts.Node): node is ts.Expression {
  return ts.isStringLiteralLike(node) || ts.isTemplateExpression(node) || isSum(node);
}

function isSum(node: ts.Node): node is ts.BinaryExpression {
  return ts.isBinaryExpression(node) && node.operatorToken.kind === ts.SyntaxKind.PlusToken;
}

/** The text of an expression as far as it can be read. */
function textOf(node: ts.Expression, checker: ts.TypeChecker): string {
  if (ts.isStringLiteralLike(node)) return node.text;
  if (isSum(node)) return textOf(node.left, checker) + textOf(node.right, checker);
  if (ts.isTemplateExpression(node)) {
    const spans = node.templateSpans.map((span) => textOf(span.expression, checker) + span.literal.text);
    return node.head.text + spans.join('');
  }
  // sql.table('outbox'), sql.id('outbox'), sql.raw('outbox')
  const [argument, ...others] = ts.isCallExpression(node) ? node.arguments : [];
  if (argument !== undefined && others.length === 0 && ts.isStringLiteralLike(argument)) return argument.text;
  const type = checker.getTypeAtLocation(node);
  return type.isStringLiteral() ? type.value : UNKNOWN;
}

import { globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import ts from 'typescript';
import type { Finding, RuleResult } from './finding.ts';
import { isAppendFunction, isCanaryInsert, isRebaseFunction, isWriteFunction } from './places.ts';
import type { Project } from './project.ts';
import { ancestors, descendants, enclosingFunction } from './syntax.ts';
import { type TableWrite, tableWrites, writesInSql } from './table-writes.ts';

/** The functions that alone may write a table. */
interface Door {
  readonly rule: string;
  readonly writes: (write: Pick<TableWrite, 'verb' | 'table'>) => boolean;
  readonly isDoor: (project: Project, node: ts.SignatureDeclaration) => boolean;
  readonly mend: string;
  /** Another function that may write the table, if only in one way. It does not count as a place where the rule is kept. */
  readonly sideDoor?: {
    readonly isDoor: (project: Project, node: ts.SignatureDeclaration) => boolean;
    readonly allows: (node: ts.Node) => boolean;
  };
}

/** Rows of a partition are rows of the outbox. */
const OUTBOX_TABLE = /^outbox(_\w+)?$/;

const DOORS: readonly Door[] = [
  {
    rule: 'outbox-insert',
    writes: ({ verb, table }) => verb === 'insert' && (table === undefined || OUTBOX_TABLE.test(table)),
    isDoor: isAppendFunction,
    mend: 'only outbox.append(tx, write) inserts into outbox: call that',
    sideDoor: { isDoor: isCanaryInsert, allows: insertsOneCanary },
  },
  {
    rule: 'outbox-update',
    writes: ({ verb, table }) => verb === 'update' && (table === undefined || OUTBOX_TABLE.test(table)),
    isDoor: isRebaseFunction,
    mend: 'readers look at a row once and would miss the change: only rewriteTransactionIds of outboxctl may, with all relays paused',
  },
  {
    rule: 'orders-write',
    writes: ({ table }) => table === 'orders',
    isDoor: isWriteFunction,
    mend: 'only create and update of the order store write orders, as they return the OrderWrite for the outbox: call those',
  },
];

/** Constraint 1, structure: nothing else inserts into `outbox` or updates it, and nothing else writes the orders it tells about. */
export function checkSingleWriters(project: Project): RuleResult[] {
  const writes = project.files.flatMap((file) => tableWrites(file, project.checker));
  return DOORS.map((door) => {
    const findings = migrationWrites(project, door);
    let sites = 0;
    for (const write of writes.filter(door.writes)) {
      const inside = enclosingFunction(write.node);
      if (isAllowedAside(project, door, write, inside)) continue;
      if (inside === undefined || !door.isDoor(project, inside)) {
        findings.push(project.finding(door.rule, write.node, `${described(write)}: ${door.mend}`));
      } else if (usesFirstParameter(project, write.node, inside) && runsOnFirstParameter(project, inside)) {
        sites += 1;
      } else {
        const message = `${described(write)} outside the transaction: use the one that is passed in`;
        findings.push(project.finding(door.rule, write.node, message));
      }
    }
    return { rule: door.rule, sites, findings };
  });
}

function isAllowedAside(
  project: Project,
  door: Door,
  write: TableWrite,
  inside: ts.SignatureDeclaration | undefined,
): boolean {
  const { sideDoor } = door;
  return inside !== undefined && sideDoor?.isDoor(project, inside) === true && sideDoor.allows(write.node);
}

const ONE_INSERT = /^insert into outbox \(([\w, ]+)\) values \(([\w$, .']+)\)$/i;

/** A whole statement, written down as one literal, whose event type is the canary's and is no parameter. */
function insertsOneCanary(node: ts.Node): boolean {
  if (!ts.isStringLiteralLike(node)) return false;
  const [, columns = '', values = ''] = ONE_INSERT.exec(node.text) ?? [];
  const place = columns.split(',').findIndex((column) => column.trim() === 'event_type');
  return values.split(',')[place]?.trim() === "'relay.canary'";
}

function described(write: Pick<TableWrite, 'verb' | 'table'>): string {
  const verb = write.verb === 'insert' ? 'inserts into' : 'updates';
  return `${verb} ${write.table ?? 'a table that is named at run time'}`;
}

/** Whether an expression is the transaction that a function was given: its first parameter. */
function transactionOf(project: Project, inside: ts.SignatureDeclaration): (at: ts.Node) => boolean {
  const [transaction] = inside.parameters;
  return (at) =>
    transaction !== undefined && project.checker.getSymbolAtLocation(at)?.valueDeclaration === transaction;
}

/** What runs statements that were built before: `executeTogether(tx, […])`, `tx.executeQuery(…)`. */
const RUNNERS = ['executeTogether', 'executeQuery'];

/** Whether all that a function has built before it runs on the transaction that the function was given. */
function runsOnFirstParameter(project: Project, inside: ts.SignatureDeclaration): boolean {
  const isTransaction = transactionOf(project, inside);
  return [...descendants(inside)].filter(ts.isCallExpression).every(({ expression, arguments: [first] }) => {
    const runner = ts.isPropertyAccessExpression(expression) ? expression.name : expression;
    if (!ts.isIdentifier(runner) || !RUNNERS.includes(runner.text)) return true;
    const on = ts.isPropertyAccessExpression(expression) ? expression.expression : first;
    return on !== undefined && isTransaction(on);
  });
}

/** Whether a statement runs on the transaction that its function was given: tx.insertInto(...), sql`...`.execute(tx). */
function usesFirstParameter(project: Project, node: ts.Node, inside: ts.SignatureDeclaration): boolean {
  const isTransaction = transactionOf(project, inside);
  if (ts.isCallExpression(node)) return isTransaction(receiver(node));
  const statement = [...ancestors(node)].find(ts.isStatement);
  return statement !== undefined && [...descendants(statement)].some(isTransaction);
}

/** `a` of a.b().c() */
function receiver(node: ts.Expression): ts.Expression {
  const chained = ts.isCallExpression(node) || ts.isPropertyAccessExpression(node);
  return chained ? receiver(node.expression) : node;
}

/** A trigger or function in a migration writes tables just as well. */
function migrationWrites(project: Project, door: Door): Finding[] {
  return globSync('migrations/*.sql', { cwd: project.root }).flatMap((file) => {
    const lines = readFileSync(path.join(project.root, file), 'utf8').split('\n');
    return lines.flatMap((line, index) =>
      writesInSql(line.replace(/--.*$/, ''))
        .filter((write) => write.table !== undefined && door.writes(write))
        .map((write) => ({
          rule: door.rule,
          file,
          line: index + 1,
          message: `${described(write)}: ${door.mend}`,
        })),
    );
  });
}

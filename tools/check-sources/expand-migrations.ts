import type { Source } from './outbox-sql.ts';

/** What takes something away from processes of the version before, by how a statement, or an action of ALTER TABLE, says it. */
const RULES: readonly { readonly found: RegExp; readonly what: string }[] = [
  { found: /^DROP (?!OWNED)/, what: 'drops what they may use' },
  { found: /^TRUNCATE /, what: 'empties what they may read' },
  { found: /^ALTER (?!TABLE ).* (RENAME|SET SCHEMA) /, what: 'gives what they use another name' },
  { found: /^REVOKE /, what: 'takes a right away' },
  { found: /^CREATE (OR REPLACE )?(CONSTRAINT )?(TRIGGER|RULE) /, what: 'changes what their statements do' },
  { found: /^action (RENAME|SET SCHEMA) /, what: 'gives what they use another name' },
  {
    found: /^action DROP (?!CONSTRAINT|NOT NULL|EXPRESSION|IDENTITY)/,
    what: 'drops a column that they may use',
  },
  {
    found: /^action ADD (COLUMN )?(?!CONSTRAINT).* NOT NULL(?!.* (DEFAULT|GENERATED) )/,
    what: 'adds a column that they do not fill',
  },
  {
    found: /^action ALTER .* (SET NOT NULL|DROP DEFAULT|DROP IDENTITY)/,
    what: 'wants a value that they may not give',
  },
  { found: /^action ALTER .* (SET DATA )?TYPE /, what: 'gives a column another type' },
  { found: /^action (ENABLE|FORCE) ROW LEVEL SECURITY/, what: 'hides rows from them' },
  { found: /^action DETACH PARTITION /, what: 'takes rows away' },
  { found: /^action DROP CONSTRAINT /, what: 'drops a constraint, which their ON CONFLICT may name' },
];

/** What may refuse their writes; a migration may say that it lets through whatever was let through before. */
const NARROWING = /^(action ADD (CONSTRAINT |CHECK|UNIQUE|PRIMARY|FOREIGN|EXCLUDE)|CREATE UNIQUE INDEX )/;

/** `-- contract since 0.3.0: nobody reads it any more`: the second step, when what is taken away has been out of use for a release. */
const CONTRACT = /^--\s*contract since \d+\.\d+\.\d+: \S/m;
/** `-- wider: …`: a constraint that takes the place of a narrower one. */
const WIDER = /^--\s*wider: \S/m;

/** Those that were there before this check, with what it finds in them and why nobody missed it. */
export const BEFORE_THIS_CHECK: Readonly<Record<string, string>> = {
  // No relay ever read or wrote it: it came with the table, and the modes in its place before anybody paused a partition.
  'migrations/0004_relay_operations.sql': 'ALTER TABLE relay_partition DROP COLUMN paused',
};

/**
 * Finds what processes of the version before cannot live with: they run on while a migration is applied, and again when the new
 * version is taken back. Looks at statements, also of DO blocks, and not into functions, which run later.
 */
export function checkMigrations(
  migrations: readonly Source[],
  known: Readonly<Record<string, string>> = BEFORE_THIS_CHECK,
): string[] {
  const problems = migrations.flatMap(({ file, text }) => {
    if (CONTRACT.test(text)) return [];
    const found = contractions(text).filter(({ isNarrowing }) => !isNarrowing || !WIDER.test(text));
    return found
      .filter(({ statement }) => statement !== known[file])
      .map(
        ({ statement, what }) =>
          `${file}: ${what}: ${statement}: let the version before go on (docs/upgrading.md says how), or say that this is the second step: -- contract since <release>: why nobody uses it`,
      );
  });
  const stale = Object.entries(known).filter(([file, statement]) => {
    const text = migrations.find((migration) => migration.file === file)?.text ?? '';
    return !contractions(text).some((found) => found.statement === statement);
  });
  return [...problems, ...stale.map(([file]) => `${file}: is listed as known, and has nothing to list`)];
}

interface Contraction {
  readonly statement: string;
  readonly what: string;
  readonly isNarrowing: boolean;
}

function contractions(text: string): Contraction[] {
  const statements = statementsOf(text);
  const ownTables = new Set(statements.map((statement) => CREATE_TABLE.exec(statement)?.[1]).filter(Boolean));
  return statements.flatMap((statement) => {
    const table = ABOUT_A_TABLE.exec(statement)?.[1];
    // What came with this migration nobody uses yet.
    if (table !== undefined && ownTables.has(table)) return [];
    return actionsOf(statement).flatMap((action): Contraction[] => {
      const shown = action.replace(/^action /, `ALTER TABLE ${table} `);
      const rule = RULES.find(({ found }) => found.test(action));
      if (rule)
        return [
          { statement: shown, what: rule.what, isNarrowing: action.startsWith('action DROP CONSTRAINT') },
        ];
      if (NARROWING.test(action))
        return [{ statement: shown, what: 'may refuse what they write', isNarrowing: true }];
      return [];
    });
  });
}

const NAME = '(?:IF (?:NOT )?EXISTS )?(?:ONLY )?"?([a-z_%][\\w.]*)"?';
const CREATE_TABLE = new RegExp(`^CREATE (?:UNLOGGED )?TABLE ${NAME}`);
const ABOUT_A_TABLE = new RegExp(
  `^(?:ALTER TABLE|CREATE UNIQUE INDEX.*? ON|CREATE .*?TRIGGER .*? ON) ${NAME}`,
);
const KEYWORDS =
  /\b(alter|add|drop|table|column|constraint|rename|to|set|not|null|default|generated|type|data|schema|create|or|replace|unique|index|check|primary|foreign|exclude|truncate|revoke|trigger|rule|on|only|if|exists|enable|force|row|level|security|detach|partition|unlogged|identity|expression|execute|do|begin|end)\b/gi;

/** ALTER TABLE says several things at once, with commas between them outside of parentheses. */
function actionsOf(statement: string): string[] {
  const rest = new RegExp(`^ALTER TABLE ${NAME} (.*)$`).exec(statement)?.[2];
  if (rest === undefined) return [statement];
  let depth = 0;
  const actions = [''];
  for (const character of rest) {
    depth += character === '(' ? 1 : character === ')' ? -1 : 0;
    if (character === ',' && depth === 0) actions.push('');
    else actions[actions.length - 1] += character;
  }
  return actions.map((action) => `action ${action.trim()}`);
}

/** Without comments and bodies of functions, on one line each, with keywords in capitals. What a DO block says counts as said here. */
function statementsOf(text: string): string[] {
  const plain = text
    .replace(/--.*$/gm, '')
    .replace(/\/\*.*?\*\//gs, '')
    .replace(/\bDO\s+(?:LANGUAGE\s+\w+\s+)?(\$\w*\$)(.*?)\1/gis, (_, _quote, body: string) =>
      body.replace(/\bBEGIN\b|\bEXECUTE\s+(?:format\s*\()?\s*'/gi, ';'),
    )
    .replace(/(\$\w*\$).*?\1/gs, "''")
    .replace(/'(?:[^']|'')*'/g, "''");
  return plain
    .split(';')
    .map((statement) =>
      statement
        .replace(/\s+/g, ' ')
        .trim()
        .replace(KEYWORDS, (word) => word.toUpperCase()),
    )
    .filter((statement) => statement !== '');
}

import path from 'node:path';
import ts from 'typescript';

const MAX_FILE_LINES = 250;
const MAX_FUNCTION_LINES = 50;
/** Names that say nothing, so that everything ends up there. */
const BUCKET_NAMES = new Set([
  'common',
  'helper',
  'helpers',
  'interfaces',
  'misc',
  'shared',
  'types',
  'util',
  'utils',
]);

/** Checks one source file: sizes, its name, who reads the environment, and how errors are logged. `file` is relative to the project, with slashes. */
export function checkSource(file: string, text: string): string[] {
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true);
  const problems: string[] = [];
  const lineOf = (node: ts.Node) => source.getLineAndCharacterOfPosition(node.getStart()).line + 1;

  if (BUCKET_NAMES.has(path.posix.basename(file).replace(/\..*$/, ''))) {
    problems.push(`${file}: name the file after what it holds`);
  }
  if (isSized(file)) problems.push(...oversizes(file, source, lineOf));
  for (const node of descendants(source)) {
    if (isConfined(file) && readsEnvironment(node)) {
      problems.push(
        `${file}:${lineOf(node)}: only config.ts reads the environment: take the value as an argument`,
      );
    }
    if (isProduct(file) && warnsWithStack(node)) {
      problems.push(
        `${file}:${lineOf(node)}: a warning gives its error as \`reason\`; \`err\`, with a stack, is for \`error\` and \`fatal\``,
      );
    }
  }
  return problems;
}

function isSized(file: string): boolean {
  return !file.endsWith('.test.ts') && !file.includes('/gen/');
}

/** Apps, examples and packages get their settings from one place; tools and tests are started by people and may look around. */
function isConfined(file: string): boolean {
  return isProduct(file) && !/(^|[/-])config\.ts$/.test(file);
}

function isProduct(file: string): boolean {
  return /^(apps|examples|packages)\/[^/]+\/src\//.test(file) && !file.endsWith('.test.ts');
}

function oversizes(file: string, source: ts.SourceFile, lineOf: (node: ts.Node) => number): string[] {
  const problems: string[] = [];
  const fileLines = source.getLineStarts().length - 1;
  if (fileLines > MAX_FILE_LINES)
    problems.push(`${file}: ${fileLines} lines, at most ${MAX_FILE_LINES}: split it by concept`);
  for (const node of descendants(source)) {
    if (!ts.isFunctionLike(node)) continue;
    const lines = ownLines(node);
    if (lines > MAX_FUNCTION_LINES) {
      problems.push(`${file}:${lineOf(node)}: function of ${lines} lines, at most ${MAX_FUNCTION_LINES}`);
    }
  }
  return problems;
}

/** Lines of a function without those of the functions inside it: a factory is as long as what it does itself. */
function ownLines(outer: ts.Node): number {
  let lines = lineSpan(outer);
  const subtractInner = (node: ts.Node): void => {
    if (ts.isFunctionLike(node)) lines -= lineSpan(node) - 1;
    else ts.forEachChild(node, subtractInner);
  };
  ts.forEachChild(outer, subtractInner);
  return lines;
}

function lineSpan(node: ts.Node): number {
  const source = node.getSourceFile();
  const line = (position: number) => source.getLineAndCharacterOfPosition(position).line;
  return line(node.getEnd()) - line(node.getStart()) + 1;
}

/** `process.env`, `process['env']`, `const { env } = process` and `import { env } from 'node:process'`. */
function readsEnvironment(node: ts.Node): boolean {
  if (ts.isPropertyAccessExpression(node)) return node.name.text === 'env' && isProcess(node.expression);
  if (ts.isElementAccessExpression(node)) {
    const key = node.argumentExpression;
    return isProcess(node.expression) && (!ts.isStringLiteralLike(key) || key.text === 'env');
  }
  if (ts.isVariableDeclaration(node)) {
    return (
      ts.isObjectBindingPattern(node.name) && node.initializer !== undefined && isProcess(node.initializer)
    );
  }
  return (
    ts.isImportSpecifier(node) && (node.propertyName ?? node.name).text === 'env' && importsProcess(node)
  );
}

/** `log.warn({ err: error }, …)`, also by a function that warns sparingly (`warnOfRead`), and at the levels below. */
function warnsWithStack(node: ts.Node): boolean {
  if (!ts.isCallExpression(node)) return false;
  const called = ts.isPropertyAccessExpression(node.expression) ? node.expression.name : node.expression;
  const [fields] = node.arguments;
  return (
    /^(debug|info|warn|warn[A-Z]\w*)$/.test(called.getText()) &&
    fields !== undefined &&
    ts.isObjectLiteralExpression(fields) &&
    fields.properties.some(({ name }) => name?.getText() === 'err')
  );
}

function isProcess(node: ts.Expression): boolean {
  return ts.isIdentifier(node) ? node.text === 'process' : /\bprocess$/.test(node.getText());
}

function importsProcess(specifier: ts.ImportSpecifier): boolean {
  const from = specifier.parent.parent.parent.moduleSpecifier;
  return ts.isStringLiteral(from) && /^(node:)?process$/.test(from.text);
}

function* descendants(node: ts.Node): Generator<ts.Node> {
  for (const child of node.getChildren()) {
    yield child;
    yield* descendants(child);
  }
}

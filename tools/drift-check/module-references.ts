import ts from 'typescript';
import { type Project, relativePath } from './project.ts';
import { calledName, descendants } from './syntax.ts';

/** A place that names a module. */
export interface ModuleReference {
  readonly node: ts.Node;
  /** Undefined when it is computed, so that nobody can tell which module it is. */
  readonly specifier: string | undefined;
}

/** Every way to another module: import and export declarations, type imports, import(), require() and createRequire. */
export function moduleReferences(source: ts.SourceFile): ModuleReference[] {
  return [...descendants(source)].flatMap((node) => {
    const named = namedModule(node);
    if (named === undefined) return [];
    return [{ node, specifier: named !== null && ts.isStringLiteralLike(named) ? named.text : undefined }];
  });
}

/** The expression that names the module; null for a way whose modules cannot be told; undefined for anything else. */
function namedModule(node: ts.Node): ts.Node | null | undefined {
  if (ts.isImportDeclaration(node)) return node.moduleSpecifier;
  if (ts.isExportDeclaration(node)) return node.moduleSpecifier;
  if (ts.isExternalModuleReference(node)) return node.expression;
  if (ts.isImportTypeNode(node)) return ts.isLiteralTypeNode(node.argument) ? node.argument.literal : null;
  if (ts.isIdentifier(node) && node.text === 'createRequire') return null;
  if (!ts.isCallExpression(node)) return undefined;
  const loads = node.expression.kind === ts.SyntaxKind.ImportKeyword || calledName(node) === 'require';
  return loads ? (node.arguments[0] ?? null) : undefined;
}

/** Where a module lies: relative to the project with slashes; undefined for modules of Node and for what cannot be found. */
export function resolveModule(project: Project, from: ts.SourceFile, specifier: string): string | undefined {
  const options = project.program.getCompilerOptions();
  for (const mode of [ts.ModuleKind.ESNext, ts.ModuleKind.CommonJS] as const) {
    const { resolvedModule } = ts.resolveModuleName(
      specifier,
      from.fileName,
      options,
      ts.sys,
      undefined,
      undefined,
      mode,
    );
    if (resolvedModule !== undefined) return relativePath(project.root, resolvedModule.resolvedFileName);
  }
  return undefined;
}

export function isKafkajs(specifier: string, resolved: string | undefined): boolean {
  return /^kafkajs(\/|$)/.test(specifier) || /(^|\/)node_modules\/kafkajs\//.test(resolved ?? '');
}

/** Whether a resolved module is a source of this project, not an installed one. */
export function isOwnSource(resolved: string | undefined): resolved is string {
  return resolved !== undefined && /^(apps|packages|test|tools)\//.test(resolved);
}

import { globSync } from 'node:fs';
import path from 'node:path';
import ts from 'typescript';
import type { Finding } from './finding.ts';

/** The product's sources (no tests), parsed and bound, with types. */
export interface Project {
  readonly root: string;
  readonly program: ts.Program;
  readonly checker: ts.TypeChecker;
  readonly files: readonly ts.SourceFile[];
  /** Path relative to the project, with slashes. */
  pathOf(node: ts.Node): string;
  finding(rule: string, node: ts.Node, message: string): Finding;
}

/** Opens the project in `root`, with the compiler options of its tsconfig.json. Throws when a source file cannot be read. */
export function openProject(root: string): Project {
  const names = globSync('{apps,packages}/*/src/**/*.ts', { cwd: root })
    .filter((name) => !name.endsWith('.test.ts'))
    .map((name) => path.join(root, name));
  const options = compilerOptions(root);
  const program = ts.createProgram(names, options, cachingHost(options));
  const files = names.map((name) => {
    const file = program.getSourceFile(name);
    if (file === undefined) throw new Error(`the compiler did not read ${name}`);
    return file;
  });
  const pathOf = (node: ts.Node) => relativePath(root, node.getSourceFile().fileName);
  return {
    root,
    program,
    checker: program.getTypeChecker(),
    files,
    pathOf,
    finding(rule, node, message) {
      const { line } = node.getSourceFile().getLineAndCharacterOfPosition(node.getStart());
      return { rule, file: pathOf(node), line: line + 1, message };
    },
  };
}

export function relativePath(root: string, file: string): string {
  return path.relative(root, file).split(path.sep).join('/');
}

function compilerOptions(root: string): ts.CompilerOptions {
  const file = path.join(root, 'tsconfig.json');
  const { config, error } = ts.readConfigFile(file, (name) => ts.sys.readFile(name));
  if (error !== undefined) throw new Error(ts.flattenDiagnosticMessageText(error.messageText, '\n'));
  return ts.parseJsonConfigFileContent(config, ts.sys, root).options;
}

/** Sources of installed packages by file name; they stay as they are, while fixtures come by the dozen. */
const installed = new Map<string, ts.SourceFile | undefined>();

function cachingHost(options: ts.CompilerOptions): ts.CompilerHost {
  const host = ts.createCompilerHost(options, true);
  const read = host.getSourceFile.bind(host);
  host.getSourceFile = (name, ...rest) => {
    if (!/node_modules/.test(name)) return read(name, ...rest);
    if (!installed.has(name)) installed.set(name, read(name, ...rest));
    return installed.get(name);
  };
  return host;
}

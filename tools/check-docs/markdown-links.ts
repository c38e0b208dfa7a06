import { existsSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';

/** A fence of a code block, and the code in a line: neither holds links. */
const FENCE = /^\s*(```|~~~)/;
const CODE = /`[^`]*`/g;
const HEADING = /^#{1,6}\s+(.*?)\s*#*$/;
const INLINE_LINK = /\]\(\s*<?([^)\s>]+)>?[^)]*\)/g;
const REFERENCE_LINK = /^\s*\[[^\]]+\]:\s*<?([^\s>]+)>?/;
/** `https:`, `mailto:` and the like: what is elsewhere is not looked at. */
const ELSEWHERE = /^([a-z][a-z0-9+.-]*:|\/\/)/i;
/** A path from the root of the repository, as pages name files in code. */
const NAMED_PATH = /`((?:apps|docs|examples|migrations|ops|packages|proto|test|tools)\/[^\s`]*?)(?::\d+)?`/g;
/** A pattern or a place holder names no single file. */
const NO_SINGLE_FILE = /[*<>{}…$]|NNNN/;

/**
 * Looks at one Markdown file, by its path from `root`: answers with each relative link that leads to no file or to no heading, and each
 * path in code that is not there.
 */
export function brokenLinks(root: string, file: string): string[] {
  const problems: string[] = [];
  for (const { line, number } of proseLines(readFileSync(path.join(root, file), 'utf8'))) {
    for (const target of linksOf(line)) {
      const problem = brokenLink(root, file, target);
      if (problem !== undefined) problems.push(`${file}:${number}: ${target}: ${problem}`);
    }
    for (const [, named = ''] of line.matchAll(NAMED_PATH)) {
      if (NO_SINGLE_FILE.test(named) || existsSync(path.join(root, named))) continue;
      problems.push(`${file}:${number}: ${named}: there is no such file or folder`);
    }
  }
  return problems;
}

function brokenLink(root: string, file: string, target: string): string | undefined {
  if (ELSEWHERE.test(target)) return undefined;
  const [linked = '', anchor] = target.split('#');
  const found = linked === '' ? file : path.posix.join(path.posix.dirname(file), decodeURIComponent(linked));
  if (found.startsWith('../')) return 'leads out of the repository';
  if (!existsSync(path.join(root, found))) return `there is no ${found}`;
  if (anchor === undefined) return undefined;
  if (!found.endsWith('.md') || !statSync(path.join(root, found)).isFile()) {
    return `${found} has no headings to lead to`;
  }
  return headingAnchors(readFileSync(path.join(root, found), 'utf8')).has(anchor)
    ? undefined
    : `${found} has no heading of this anchor`;
}

/** The anchors of a page's headings, as GitHub makes them. */
export function headingAnchors(text: string): ReadonlySet<string> {
  const anchors = new Set<string>();
  for (const { line } of proseLines(text)) {
    const title = HEADING.exec(line)?.[1];
    if (title === undefined) continue;
    const plain = title.replace(/\[([^\]]*)\]\([^)]*\)/g, '$1').toLowerCase();
    const anchor = plain.replace(/[^\p{L}\p{M}\p{N}\p{Pc} -]/gu, '').replaceAll(' ', '-');
    let unique = anchor;
    for (let again = 1; anchors.has(unique); again += 1) unique = `${anchor}-${again}`;
    anchors.add(unique);
  }
  return anchors;
}

function linksOf(line: string): string[] {
  const prose = line.replace(CODE, '``');
  const reference = REFERENCE_LINK.exec(prose)?.[1];
  return [
    ...[...prose.matchAll(INLINE_LINK)].flatMap(([, target]) => target ?? []),
    ...(reference === undefined ? [] : [reference]),
  ];
}

/** The lines outside of code blocks, each with its number. */
function* proseLines(text: string): Generator<{ line: string; number: number }> {
  let inCode = false;
  for (const [index, line] of text.split('\n').entries()) {
    if (FENCE.test(line)) inCode = !inCode;
    else if (!inCode) yield { line, number: index + 1 };
  }
}

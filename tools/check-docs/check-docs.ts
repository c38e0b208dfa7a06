import { globSync } from 'node:fs';
import path from 'node:path';
import { brokenLinks } from './markdown-links.ts';
import { missingPages } from './missing-pages.ts';

const NOT_PAGES = ['node_modules/**', '**/node_modules/**', '.git/**', '.stack/**', '.cache/**'];

export interface DocsReport {
  readonly problems: readonly string[];
  /** How many pages were looked at: none would be a check that passes because it does not look. */
  readonly pages: number;
}

/** Checks the Markdown pages of the project in `root`: links lead somewhere, and what must be described is. */
export function checkDocs(root: string): DocsReport {
  const pages = globSync('**/*.md', { cwd: root, exclude: NOT_PAGES }).map((file) =>
    file.split(path.sep).join('/'),
  );
  const links = pages.sort().flatMap((file) => brokenLinks(root, file));
  return { problems: [...links, ...missingPages(root)], pages: pages.length };
}

import { readFile } from 'node:fs/promises';

/** The articles that the warehouse has a place for: one in each line of a file that somebody keeps. */
export async function readArticles(file: string): Promise<ReadonlySet<string>> {
  const lines = (await readFile(file, 'utf8')).split('\n').map((line) => line.trim());
  return new Set(lines.filter((line) => line !== ''));
}

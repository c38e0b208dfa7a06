import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';

/** How long things took the last time, on this machine. */
export interface RunTimes {
  /** By a file's path. */
  readonly filesMs: Readonly<Record<string, number>>;
  /** Whole runs, by what was chosen to run. */
  readonly runsMs: Readonly<Record<string, number>>;
}

/** What an earlier run wrote; nothing when there was none, or when it cannot be read: it only tells what to expect. */
export async function readRunTimes(file: string): Promise<RunTimes> {
  try {
    const { filesMs = {}, runsMs = {} } = JSON.parse(await readFile(file, 'utf8')) as Partial<RunTimes>;
    return { filesMs, runsMs };
  } catch {
    return { filesMs: {}, runsMs: {} };
  }
}

/** Writes the times of this run over those of earlier ones. */
export async function writeRunTimes(file: string, times: RunTimes): Promise<void> {
  const earlier = await readRunTimes(file);
  const merged: RunTimes = {
    filesMs: { ...earlier.filesMs, ...times.filesMs },
    runsMs: { ...earlier.runsMs, ...times.runsMs },
  };
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, `${JSON.stringify(merged, undefined, 2)}\n`);
}

/** The longest first, so that no long one is left alone at the end; what never ran here comes before all others. */
export function longestFirst<File extends { readonly path: string }>(
  files: readonly File[],
  filesMs: Readonly<Record<string, number>>,
): File[] {
  const expectedMs = ({ path }: File) => filesMs[path] ?? Infinity;
  return files.toSorted((one, other) => {
    const [oneMs, otherMs] = [expectedMs(one), expectedMs(other)];
    return oneMs === otherMs ? 0 : otherMs - oneMs;
  });
}

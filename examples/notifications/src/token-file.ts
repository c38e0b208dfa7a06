import { open, readFile, rename } from 'node:fs/promises';

/** Where the watch goes on after a restart. */
export interface TokenFile {
  /** undefined when nothing was ever stored. */
  read(): Promise<string | undefined>;
  /** Replaces the token: after a crash at any instant the file holds the old one or the new one. */
  write(token: string): Promise<void>;
}

export function createTokenFile(path: string): TokenFile {
  let stored: string | undefined;
  return {
    async read() {
      try {
        stored = (await readFile(path, 'utf8')).trim();
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
      }
      return stored;
    },
    async write(token) {
      if (token === stored) return;
      const unfinished = `${path}.new`;
      const file = await open(unfinished, 'w');
      try {
        await file.writeFile(`${token}\n`);
        // Or a power failure may leave an empty file under the new name.
        await file.sync();
      } finally {
        await file.close();
      }
      await rename(unfinished, path);
      stored = token;
    },
  };
}

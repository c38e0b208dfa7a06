import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runWhenOwnerEnds } from './owner-guard.ts';
import { commandLine, isAlive, killIfAlive } from './process-table.ts';

/** `<prefix><server>-<pid of the owner>-<random>` */
const PREFIX = 'order-events-';

/** In a server directory while the server runs, tells how to end it: a line `<signal name> <pid>`. */
export const PID_FILE = 'server.pid';

/** Ends the server and removes its directory. The wait is bounded, because a zombie that nobody reaps looks alive. */
const DISCARD_SCRIPT = `
if read -r signal pid <"$1/${PID_FILE}" && kill -s "$signal" "$pid"; then
  for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do kill -0 "$pid" || break; sleep 0.1; done
fi
rm -rf "$1"
`;

/**
 * A fresh directory for one server: its log, its settings and, unless they are kept elsewhere, its data.
 * It lives until this process ends; a server of it that still runs then is ended too.
 */
export async function createServerDirectory(server: string): Promise<string> {
  await removeAbandonedDirectories();
  const directory = await mkdtemp(join(tmpdir(), `${PREFIX}${server}-${process.pid}-`));
  runWhenOwnerEnds(DISCARD_SCRIPT, directory);
  return directory;
}

/** Ends servers and removes directories whose owner and guard were both killed, for example with their whole container. */
async function removeAbandonedDirectories(): Promise<void> {
  const names = (await readdir(tmpdir())).filter((name) => name.startsWith(PREFIX));
  for (const name of names) {
    const owner = Number(/-(\d+)-[^-]*$/.exec(name)?.[1]);
    if (!owner || isAlive(owner)) continue;
    const directory = join(tmpdir(), name);
    // The number may have been given to another program since; the server's arguments name its directory.
    const [signal, pid] = (await readFile(join(directory, PID_FILE), 'utf8').catch(() => ''))
      .trim()
      .split(' ');
    if (signal && (await commandLine(Number(pid))).includes(name)) killIfAlive(Number(pid), `SIG${signal}`);
    await rm(directory, { recursive: true, force: true });
  }
}

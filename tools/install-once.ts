import { execFile } from 'node:child_process';
import { access, rename, rm } from 'node:fs/promises';
import { promisify } from 'node:util';

/** Of programs that run for moments: to optimise them takes far longer than they run. */
export const QUICK_GO_BUILD = ['-gcflags=all=-N -l', '-ldflags=-s -w'];
const INSTALL_DEADLINE_MS = 40 * 60_000;

/** Installs into the folder `at`, unless it is there. One that is there was installed whole: it gets its name at the end. */
export async function installOnce(
  at: string,
  name: string,
  say: (line: string) => void,
  install: (at: string) => Promise<void>,
): Promise<void> {
  if (await isThere(at)) return;
  say(`installing ${name} (only the first time)`);
  const partial = `${at}.partial`;
  await rm(partial, { recursive: true, force: true });
  await install(partial);
  await rename(partial, at);
}

async function isThere(at: string): Promise<boolean> {
  return await access(at).then(
    () => true,
    () => false,
  );
}

/** Runs a program that installs something. Rejects with what it said, or that it is not there. */
export async function runInstaller(
  command: string,
  args: string[],
  env: Record<string, string> = {},
): Promise<void> {
  try {
    await promisify(execFile)(command, args, {
      env: { ...process.env, ...env },
      timeout: INSTALL_DEADLINE_MS,
    });
  } catch (error) {
    const { stderr, code } = error as { stderr?: string; code?: string };
    const why = code === 'ENOENT' ? 'not found; it is needed here' : (stderr?.trim() ?? String(error));
    throw new Error(`${command} ${args.join(' ')}: ${why}`, { cause: error });
  }
}

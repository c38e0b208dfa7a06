import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';

const REPOSITORY = join(import.meta.dirname, '..', '..');

/** Installs what examples/python needs, as a newcomer does. Rejects with what is missing on this machine. */
export async function installPythonPackages(): Promise<void> {
  // Of the make that may run the tests.
  const { MAKEFLAGS: _flags, MAKELEVEL: _level, ...env } = process.env;
  try {
    await promisify(execFile)('make', ['--no-print-directory', 'python'], { cwd: REPOSITORY, env });
  } catch (error) {
    const { stderr } = error as { stderr?: string };
    throw new Error(`make python: ${stderr?.trim() || 'make not found'}`, { cause: error });
  }
}

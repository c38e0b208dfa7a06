import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';

const REPOSITORY = join(import.meta.dirname, '..', '..');

/**
 * Installs what examples/python needs (`python`) or the tests of the OpenAPI document (`python-rest`), as a newcomer does. Rejects
 * with what is missing on this machine.
 */
export async function installPythonPackages(target: 'python' | 'python-rest'): Promise<void> {
  // Of the make that may run the tests.
  const { MAKEFLAGS: _flags, MAKELEVEL: _level, ...env } = process.env;
  try {
    await promisify(execFile)('make', ['--no-print-directory', target], { cwd: REPOSITORY, env });
  } catch (error) {
    const { stderr } = error as { stderr?: string };
    throw new Error(`make ${target}: ${stderr?.trim() || 'make not found'}`, { cause: error });
  }
}

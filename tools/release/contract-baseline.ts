import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';

const ROOT = path.resolve(import.meta.dirname, '../..');
const BUF = path.join(ROOT, 'node_modules', '.bin', 'buf');

/** The gRPC contract of the last version, which the present one must not break; until there is a first version, of the last one that was agreed. */
export const CONTRACT_BASELINE = 'proto/released.bin';

/** Takes the contract in `root` for the one that must not be broken from now on. */
export async function moveContractBaseline(root: string): Promise<void> {
  await promisify(execFile)(BUF, ['build', 'proto', '--output', path.join(root, CONTRACT_BASELINE)], {
    cwd: root,
  });
}

/** What of the contract in a folder breaks that of the last version, a line each; empty when nothing does. */
export async function contractBreaks(folder: string): Promise<string> {
  const args = ['breaking', folder, '--against', path.join(ROOT, CONTRACT_BASELINE)];
  try {
    await promisify(execFile)(BUF, args, { cwd: ROOT });
    return '';
  } catch (error) {
    const { stdout = '', stderr = '' } = error as { stdout?: string; stderr?: string };
    // Without a line of findings it has not looked at all.
    if (stdout === '') throw new Error(`buf breaking has failed: ${stderr}`, { cause: error });
    return stdout;
  }
}

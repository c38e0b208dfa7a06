import { execFile } from 'node:child_process';
import { access } from 'node:fs/promises';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** What this machine lacks, for people. */
export async function missingNeeds(): Promise<string[]> {
  if (process.platform !== 'linux') return ['it needs Linux'];
  if (process.getuid?.() !== 0) return ['it needs root, for network namespaces'];
  const missing: string[] = [];
  for (const [program, where] of [
    ['ip', 'iproute2'],
    ['nsenter', 'util-linux'],
    ['unshare', 'util-linux'],
    ['python3', 'python3'],
  ] as const) {
    if (!(await works('sh', ['-c', `command -v ${program}`])))
      missing.push(`no ${program} (apt install ${where})`);
  }
  if (!(await works('unshare', ['--net', 'true']))) missing.push('it gives no network namespaces');
  await access('/dev/net/tun').catch(() => missing.push('no /dev/net/tun'));
  return missing;
}

function works(program: string, args: readonly string[]): Promise<boolean> {
  return run(program, args).then(
    () => true,
    () => false,
  );
}

import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, open, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import type { TestContext } from 'node:test';
import { promisify } from 'node:util';

/** A real file system on a loop device: what is written to it can be too much, and it can fail. */
export interface SmallDisk {
  /** A folder of it; everybody may enter. */
  readonly path: string;
  /** What was written so far, waited for or not, outlives a failure. */
  sync(): Promise<void>;
  /** Takes all the room that is left. */
  fill(): Promise<void>;
  /** Gives back what `fill` took. */
  free(): Promise<void>;
  /** The kernel has found an error on it, and writes nothing to it any more. */
  fail(): Promise<void>;
  /** Checked and mounted again, as with the next start of a machine; nobody may use it meanwhile. */
  repair(): Promise<void>;
}

const run = promisify(execFile);
const PIECES = [1024 * 1024, 4096];

/** Of an ext4 that keeps no room for root. Needs root, and says so. */
export async function mountSmallDisk(t: TestContext, megabytes: number): Promise<SmallDisk> {
  const directory = await mkdtemp(join(tmpdir(), 'order-events-disk-'));
  const [image, mountPoint] = [join(directory, 'image'), join(directory, 'mounted')];
  const filler = join(mountPoint, 'filler');
  let device = '';
  const mount = async () => {
    await run('mount', ['-o', 'loop,errors=remount-ro', image, mountPoint]);
    ({ stdout: device } = await run('findmnt', ['--noheadings', '--output', 'SOURCE', mountPoint]));
  };
  await run('chmod', ['755', directory]);
  await mkdir(mountPoint);
  try {
    await run('truncate', ['-s', `${megabytes}M`, image]);
    await run('mkfs.ext4', ['-q', '-m', '0', image]);
    await mount();
  } catch (error) {
    await rm(directory, { recursive: true });
    throw new Error(
      'no small disk can be mounted here: run this as root, where loop devices, mkfs.ext4 and mount are at hand (in a container: --privileged)',
      { cause: error },
    );
  }
  t.after(async () => {
    // Servers may still have files open.
    await run('umount', ['--lazy', mountPoint]);
    await rm(directory, { recursive: true });
  });
  return {
    path: mountPoint,
    sync: async () => void (await run('sync', ['--file-system', mountPoint])),
    async fill() {
      const file = await open(filler, 'a');
      try {
        for (const bytes of PIECES) {
          const piece = Buffer.alloc(bytes, 'x');
          while (await fits(file.write(piece)));
        }
      } finally {
        await file.close();
      }
    },
    free: () => rm(filler),
    async fail() {
      await writeFile(`/sys/fs/ext4/${basename(device.trim())}/trigger_fs_error`, '1');
      const mounts = await readFile('/proc/mounts', 'utf8');
      const options = mounts.split('\n').find((line) => line.includes(` ${mountPoint} `));
      if (!/[ ,](emergency_)?ro[ ,]/.test(options ?? ''))
        throw new Error(`the disk is not read-only: ${options}`);
    },
    async repair() {
      await run('umount', [mountPoint]);
      // 1: errors were found, and corrected.
      await run('fsck.ext4', ['-y', '-f', image]).catch((error: { code?: unknown }) => {
        if (error.code !== 1) throw error;
      });
      await mount();
    },
  };
}

function fits(writing: Promise<unknown>): Promise<boolean> {
  return writing.then(
    () => true,
    (error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOSPC') throw error;
      return false;
    },
  );
}

import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findDebianProgram } from '../stack/debian-program.ts';

/** The wall clock of one process, which others set; its monotonic clock stays as it is. */
export interface FakedClock {
  /** What the process must be started with. */
  readonly env: Readonly<Record<string, string>>;
  /** Seconds ahead of the clock of this machine; the process has it within a second or so. */
  set(aheadSeconds: number): Promise<void>;
  remove(): Promise<void>;
}

const LIBRARY = {
  name: 'libfaketime',
  places: ['x86_64', 'aarch64'].map((cpu) => `/usr/lib/${cpu}-linux-gnu/faketime/libfaketimeMT.so.1`),
  debianPackage: 'libfaketime',
  mend: 'apt install libfaketime',
};

export function findFaketime(): Promise<string> {
  return findDebianProgram(LIBRARY);
}

export async function createFakedClock(): Promise<FakedClock> {
  const folder = await mkdtemp(join(tmpdir(), 'faked-clock-'));
  const file = join(folder, 'clock');
  const set = async (aheadSeconds: number) => {
    // Never half of a number for whoever reads meanwhile.
    await writeFile(`${file}.new`, `${aheadSeconds < 0 ? '' : '+'}${aheadSeconds.toFixed(1)}\n`);
    await rename(`${file}.new`, file);
  };
  await set(0);
  return {
    env: {
      LD_PRELOAD: await findFaketime(),
      FAKETIME_TIMESTAMP_FILE: file,
      FAKETIME_CACHE_DURATION: '1',
      FAKETIME_DONT_FAKE_MONOTONIC: '1',
    },
    set,
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}

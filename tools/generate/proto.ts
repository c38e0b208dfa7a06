import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';

const REPOSITORY = join(import.meta.dirname, '..', '..');
/** Relative to the root of the repository, as in proto/buf.gen.yaml. */
export const GENERATED_PROTO = 'packages/order-stream/src/gen';

/** Generates the code and the descriptor set of `proto/` into GENERATED_PROTO under `root`. Needs no network. */
export async function generateProto(root: string): Promise<void> {
  await buf('generate', '--template', 'proto/buf.gen.yaml', '--output', root);
  // After the code: generating it empties the folder.
  await buf('build', 'proto', '--output', join(root, GENERATED_PROTO, 'descriptor-set.bin'));
}

async function buf(...args: string[]): Promise<void> {
  await promisify(execFile)(join(REPOSITORY, 'node_modules', '.bin', 'buf'), args, { cwd: REPOSITORY });
}

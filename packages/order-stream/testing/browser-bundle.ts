import { join } from 'node:path';
import { build } from 'esbuild';

/** Bundles a module of `src` as a page's bundler would. Throws when something behind it needs Node.js. */
export async function bundleForBrowsers(module: string): Promise<{ code: string; inputs: string[] }> {
  const { outputFiles, metafile } = await build({
    entryPoints: [join(import.meta.dirname, '..', 'src', module)],
    bundle: true,
    write: false,
    metafile: true,
    format: 'esm',
    platform: 'browser',
    logLevel: 'silent',
  });
  return { code: outputFiles.map(({ text }) => text).join(''), inputs: Object.keys(metafile.inputs) };
}

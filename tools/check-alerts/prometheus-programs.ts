import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { installOnce, QUICK_GO_BUILD, runInstaller } from '../install-once.ts';

const CACHE = path.join(import.meta.dirname, '..', '..', '.cache', 'prometheus');
/** Prometheus 3.16.0, as in docker-compose.yml. The module has not the web pages, which nobody here looks at. */
const VERSION = 'v0.316.0';
const MODULE = 'github.com/prometheus/prometheus';
/** Without the clients of every cloud that it could find targets in. */
const TAGS = 'remove_all_sd';

export interface PrometheusPrograms {
  readonly prometheus: string;
  readonly promtool: string;
}

/** Compiles Prometheus and its tool, in an exact version, into `.cache/prometheus`, unless they are there. */
export async function installPrometheus(say: (line: string) => void): Promise<PrometheusPrograms> {
  const folder = path.join(CACHE, VERSION);
  await mkdir(CACHE, { recursive: true });
  await installOnce(folder, 'Prometheus, compiled with Go', say, async (at) => {
    const commands = ['prometheus', 'promtool'].map((name) => `${MODULE}/cmd/${name}@${VERSION}`);
    await runInstaller('go', ['install', '-trimpath', '-tags', TAGS, ...QUICK_GO_BUILD, ...commands], {
      GOBIN: at,
      CGO_ENABLED: '0',
    });
  });
  return { prometheus: path.join(folder, 'prometheus'), promtool: path.join(folder, 'promtool') };
}

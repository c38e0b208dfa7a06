import { cp, mkdir } from 'node:fs/promises';
import path from 'node:path';
import { installOnce, QUICK_GO_BUILD, runInstaller } from '../install-once.ts';

const HERE = import.meta.dirname;
const CACHE = path.join(HERE, '..', '..', '.cache', 'chart');
/** What it costs, once: some minutes of two cores for Helm, a minute for the rest. */
const HELM = 'helm.sh/helm/v4/cmd/helm@v4.3.2';

export interface ChartTools {
  readonly helm: string;
  /** Validates what Kubernetes itself defines. */
  readonly kubernetesValidate: string;
  /** The folder with validators of what operators define. */
  readonly crds: string;
}

/** Installs what the chart is checked with, in exact versions, into `.cache/chart`, unless it is there. Rejects with what is missing. */
export async function installChartTools(say: (line: string) => void): Promise<ChartTools> {
  const helm = path.join(CACHE, HELM.replaceAll('/', '-'));
  const python = path.join(CACHE, 'python');
  const crds = path.join(CACHE, 'crds');
  await mkdir(CACHE, { recursive: true });
  await installOnce(helm, 'Helm, compiled with Go', say, async (at) => {
    await runInstaller('go', ['install', '-trimpath', ...QUICK_GO_BUILD, HELM], {
      GOBIN: at,
      CGO_ENABLED: '0',
    });
  });
  await installOnce(python, 'the schemas of Kubernetes', say, async (at) => {
    await runInstaller('python3', ['-m', 'venv', at]);
    const pip = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check'];
    await runInstaller(path.join(at, 'bin', 'python'), [
      ...pip,
      '--requirement',
      path.join(HERE, 'requirements.txt'),
    ]);
  });
  await installOnce(crds, 'the schemas of the operators', say, async (at) => {
    await cp(path.join(HERE, 'crds'), at, { recursive: true });
    await runInstaller('npm', ['ci', '--prefix', at, '--ignore-scripts', '--no-audit', '--no-fund']);
  });
  return { helm: path.join(helm, 'helm'), kubernetesValidate: path.join(python, 'bin', 'python'), crds };
}

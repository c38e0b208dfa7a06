import { execFile } from 'node:child_process';
import { access, cp, mkdir, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';

const HERE = import.meta.dirname;
const CACHE = path.join(HERE, '..', '..', '.cache', 'chart');
/** What it costs, once: some minutes of two cores for Helm, a minute for the rest. */
const HELM = 'helm.sh/helm/v4/cmd/helm@v4.3.2';
const INSTALL_DEADLINE_MS = 40 * 60_000;

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
  await unlessThere(helm, 'Helm, compiled with Go', say, async (at) => {
    await run('go', ['install', '-trimpath', HELM], { GOBIN: at, CGO_ENABLED: '0' });
  });
  await unlessThere(python, 'the schemas of Kubernetes', say, async (at) => {
    await run('python3', ['-m', 'venv', at]);
    const pip = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check'];
    await run(path.join(at, 'bin', 'python'), [...pip, '--requirement', path.join(HERE, 'requirements.txt')]);
  });
  await unlessThere(crds, 'the schemas of the operators', say, async (at) => {
    await cp(path.join(HERE, 'crds'), at, { recursive: true });
    await run('npm', ['ci', '--prefix', at, '--ignore-scripts', '--no-audit', '--no-fund']);
  });
  return { helm: path.join(helm, 'helm'), kubernetesValidate: path.join(python, 'bin', 'python'), crds };
}

/** A folder that is there was installed whole: it gets its name at the end. */
async function unlessThere(
  at: string,
  name: string,
  say: (line: string) => void,
  install: (at: string) => Promise<void>,
): Promise<void> {
  if (await isThere(at)) return;
  say(`installing ${name} (only the first time)`);
  const partial = `${at}.partial`;
  await rm(partial, { recursive: true, force: true });
  await install(partial);
  await rename(partial, at);
}

async function isThere(at: string): Promise<boolean> {
  return await access(at).then(
    () => true,
    () => false,
  );
}

async function run(command: string, args: string[], env: Record<string, string> = {}): Promise<void> {
  try {
    await promisify(execFile)(command, args, {
      env: { ...process.env, ...env },
      timeout: INSTALL_DEADLINE_MS,
    });
  } catch (error) {
    const { stderr, code } = error as { stderr?: string; code?: string };
    const why = code === 'ENOENT' ? 'not found; it is needed here' : (stderr?.trim() ?? String(error));
    throw new Error(`${command} ${args.join(' ')}: ${why}`, { cause: error });
  }
}

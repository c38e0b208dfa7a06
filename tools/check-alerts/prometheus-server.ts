import { readFileSync } from 'node:fs';
import { chmod, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { parse, stringify } from 'yaml';
import { findFreePort } from '../stack/free-port.ts';
import { createServerDirectory } from '../stack/server-directory.ts';
import { createServerProcess } from '../stack/server-process.ts';
import type { RuleFile } from './named-queries.ts';

const SETTINGS = path.resolve(import.meta.dirname, '../../ops/compose/observability/prometheus.yaml');
/** More often than in production, so that faults are seen soon. */
const SCRAPE_INTERVAL = '2s';
const EVALUATION_INTERVAL = '1s';
const ANSWER_DEADLINE_MS = 30_000;

export interface PrometheusOptions {
  readonly program: string;
  /** `host:port` of each job of the settings. */
  readonly targets: Readonly<Record<string, string>>;
  readonly rules: readonly RuleFile[];
}

/** An alert that is pending or fires. */
export interface ActiveAlert {
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly state: 'pending' | 'firing';
}

export interface PrometheusServer {
  readonly url: string;
  /** Asks its API; rejects with its complaint, and with what it only warns of. */
  ask<T>(what: string, parameters?: Readonly<Record<string, string>>): Promise<T>;
  alerts(): Promise<readonly ActiveAlert[]>;
  stop(): Promise<void>;
}

interface Answer<T> {
  readonly status: string;
  readonly error?: string;
  readonly warnings?: readonly string[];
  readonly infos?: readonly string[];
  readonly data: T;
}

/** Starts a real Prometheus with the settings of docker-compose.yml, other targets and these rules. It ends with this process at the latest. */
export async function startPrometheus(options: PrometheusOptions): Promise<PrometheusServer> {
  const directory = await createServerDirectory('prometheus');
  await chmod(directory, 0o700);
  const port = await findFreePort();
  const url = `http://127.0.0.1:${port}`;
  const settings = path.join(directory, 'prometheus.yaml');
  await writeFile(settings, stringify(await settingsFor(options, directory)));
  const server = createServerProcess({
    name: 'Prometheus',
    command: options.program,
    args: [
      `--config.file=${settings}`,
      `--storage.tsdb.path=${path.join(directory, 'data')}`,
      `--web.listen-address=127.0.0.1:${port}`,
      '--log.level=warn',
    ],
    port,
    directory,
    stopSignal: 'SIGTERM',
    discardSignal: 'SIGKILL',
    async probe() {
      const { ok } = await fetch(`${url}/-/ready`, { signal: AbortSignal.timeout(ANSWER_DEADLINE_MS) });
      if (!ok) throw new Error('not ready');
    },
  });
  await server.start();

  async function ask<T>(what: string, parameters: Readonly<Record<string, string>> = {}): Promise<T> {
    const query = String(new URLSearchParams(parameters));
    const response = await fetch(`${url}/api/v1/${what}?${query}`, {
      signal: AbortSignal.timeout(ANSWER_DEADLINE_MS),
    });
    // What the API is documented to answer; anything else fails on its first use.
    const answer = (await response.json()) as Answer<T>;
    const complaints = [answer.error, ...(answer.warnings ?? []), ...(answer.infos ?? [])].filter(Boolean);
    if (answer.status !== 'success' || complaints.length > 0) throw new Error(complaints.join('; '));
    return answer.data;
  }

  return {
    url,
    ask,
    async alerts() {
      const { alerts } = await ask<{ readonly alerts: readonly ActiveAlert[] }>('alerts');
      return alerts;
    },
    stop: () => server.stop(),
  };
}

interface Settings {
  readonly global: object;
  readonly scrape_configs: readonly { readonly job_name: string }[];
}

async function settingsFor({ targets, rules }: PrometheusOptions, directory: string): Promise<object> {
  const settings: Settings = parse(readFileSync(SETTINGS, 'utf8'));
  const ruleFiles = rules.map((file, index) => ({ file, at: path.join(directory, `rules-${index}.yaml`) }));
  for (const { file, at } of ruleFiles) await writeFile(at, stringify(file));
  return {
    ...settings,
    global: {
      scrape_interval: SCRAPE_INTERVAL,
      scrape_timeout: SCRAPE_INTERVAL,
      evaluation_interval: EVALUATION_INTERVAL,
    },
    rule_files: ruleFiles.map(({ at }) => at),
    scrape_configs: settings.scrape_configs.map((job) => {
      const target = targets[job.job_name];
      if (target === undefined) throw new Error(`there is no process for the job ${job.job_name}`);
      return { ...job, static_configs: [{ targets: [target] }] };
    }),
  };
}

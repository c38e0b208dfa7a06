import type { TestContext } from 'node:test';
import { createLogger, startParts } from '@order-events/runtime';
import pg from 'pg';
import { createRelayApp } from '../../apps/relay/src/app.ts';
import { relayConfig } from '../../apps/relay/src/config.ts';
import { createOutboxState, type OutboxState } from '../../apps/outboxctl/testing/outbox-state.ts';
import { runOutboxctl } from '../../apps/outboxctl/testing/run-outboxctl.ts';
import { metricOf } from '../harness/app-metric.ts';
import { accessEnv, TEST_HEADERS } from '../harness/test-access.ts';
import { findFreePort } from '../../tools/stack/index.ts';

/** What somebody finds who looks: the names with their severities, and all that is said. */
export interface Told {
  readonly severities: ReadonlyMap<string, string>;
  readonly text: string;
  readonly healthy: boolean;
}

/** A database and a topic of their own, with a relay that hurries. */
export interface FaultWorld {
  readonly t: TestContext;
  readonly state: OutboxState;
  /** What relay and operator are told, on top of where the servers are. */
  readonly env: Record<string, string>;
  startRelay(): Promise<RunningRelay>;
  outboxctl(): Promise<Told & { readonly json: ReturnType<typeof JSON.parse> }>;
}

export interface RunningRelay {
  /** By `/status` and the metric `outbox_findings`. */
  told(): Promise<Told>;
  isReady(): Promise<boolean>;
  metric(name: string): Promise<number>;
  /** What the port for operators answers. */
  read(path: string): Promise<string>;
}

/** Whatever has to last for longer than a lease, or than a transaction may be open, need not last long. */
const HURRY = { RELAY_LEASE_MS: '1000', RELAY_PRODUCE_TIMEOUT_MS: '500', RELAY_OLD_TRANSACTION_MS: '1000' };

export async function createFaultWorld(
  t: TestContext,
  partitions: number,
  topic: Readonly<Record<string, string>>,
): Promise<FaultWorld> {
  const state = await createOutboxState(t, partitions, topic);
  const env: Record<string, string> = { ...state.env, ...HURRY };
  return {
    t,
    state,
    env,
    startRelay: () => startRelay(t, env),
    async outboxctl() {
      const { code, stdout, stderr } = await runOutboxctl(env, 'status', '--json');
      if (stdout === '') return { severities: new Map(), text: stderr, healthy: code === 0, json: undefined };
      const json = JSON.parse(stdout) as { findings: { name: string; severity: string; text: string }[] };
      return {
        severities: new Map(json.findings.map(({ name, severity }) => [name, severity])),
        text: json.findings.map(({ text }) => text).join('\n'),
        healthy: code === 0,
        json,
      };
    },
  };
}

/** All of a relay, in this process: dozens of processes would take longer than all faults together. */
async function startRelay(t: TestContext, env: Readonly<Record<string, string>>): Promise<RunningRelay> {
  const port = await findFreePort();
  const { config } = relayConfig({
    ...accessEnv('relay', env),
    ...env,
    RELAY_ADMIN_PORT: String(port),
  });
  const log = createLogger({ service: 'relay', level: 'silent' });
  const running = await startParts(createRelayApp(config, log), log, new AbortController().signal);
  t.after(() => running.stop());
  const urls = { admin: `http://127.0.0.1:${port}` };
  const page = async (path: string) => {
    const response = await fetch(urls.admin + path, {
      headers: TEST_HEADERS,
      signal: AbortSignal.timeout(5_000),
    });
    return { status: response.status, text: await response.text() };
  };
  return {
    async told() {
      const severities = new Map<string, string>();
      for (const [, name = '', severity = ''] of (await page('/metrics')).text.matchAll(
        /^outbox_findings\{name="([^"]*)",severity="([^"]*)"[^}]*\} 1$/gm,
      )) {
        severities.set(name, severity);
      }
      const healthy = [...severities.values()].every((severity) => severity === 'notice');
      return { severities, text: textOf((await page('/status')).text), healthy };
    },
    isReady: async () => (await page('/readyz')).status === 200,
    metric: (name) => metricOf({ urls }, name),
    read: async (path) => (await page(path)).text,
  };
}

/** A page as a person reads it. */
export function textOf(page: string): string {
  return page
    .replaceAll(/<[^>]*>/g, '')
    .replaceAll('&quot;', '"')
    .replaceAll('&#39;', "'")
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&amp;', '&');
}

/** A session of somebody who begins something and goes to lunch. */
export async function goToLunch({ t, env }: FaultWorld, ...statements: string[]): Promise<void> {
  const client = new pg.Client({ connectionString: env['DATABASE_URL'], application_name: 'at lunch' });
  await client.connect();
  t.after(() => client.end());
  for (const statement of ['BEGIN', ...statements]) await client.query(statement);
}

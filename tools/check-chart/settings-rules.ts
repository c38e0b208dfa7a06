import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { migrateSettings } from '@order-events/database';
import { reasonOf, readConfig } from '@order-events/runtime';
import type { z } from 'zod';
import { apiConfig, apiSettings } from '../../apps/api/src/config.ts';
import { relayConfig, relaySettings } from '../../apps/relay/src/config.ts';
import { gatewayConfig, gatewaySettings } from '../../apps/stream-gateway/src/config.ts';
import { topicsConfig, topicsSettings } from '../../apps/topics/src/config.ts';
import { fileText } from './file-text.ts';
import { componentOf, type Container, type Manifest, nameOf } from './manifest.ts';

type Environment = Record<string, string>;

interface Process {
  readonly settings: z.ZodObject;
  readonly read: (env: Environment) => unknown;
}

/** The processes read what the chart gives them, as they do when they start. */
const PROCESSES: Readonly<Record<string, Process>> = {
  api: { settings: apiSettings, read: apiConfig },
  relay: { settings: relaySettings, read: relayConfig },
  'stream-gateway': { settings: gatewaySettings, read: gatewayConfig },
  topics: { settings: topicsSettings, read: topicsConfig },
  migrate: { settings: migrateSettings, read: readMigrateSettings },
};
/** Of Node.js and of whatever runs the process, not of its own. */
const NOT_SETTINGS = ['NODE_OPTIONS', 'NODE_ENV'];
/** What the secrets may hold, by the variables that are secret. */
const SECRETS: Environment = {
  DATABASE_URL: 'postgres://orders:secret@database:5432/orders?sslmode=verify-full',
  DATABASE_DIRECT_URL: 'postgres://orders:secret@database:5432/orders?sslmode=verify-full',
  KAFKA_SASL_USERNAME: 'orders',
  KAFKA_SASL_PASSWORD: 'secret',
  ACCESS_SECRET: 'a secret of at least 32 bytes, or more',
  GATEWAY_TOKEN_SECRET: 'a secret of at least 32 bytes, or more',
  API_PAGE_TOKEN_SECRET: 'a secret of at least 32 bytes, or more',
};
const KAFKA_PORTS = [9092, 9093];

/** What the processes would refuse of the settings that the chart gives them, and what they must not be given. */
export function settingsFaults(manifests: readonly Manifest[]): string[] {
  const pods = manifests.flatMap((manifest) =>
    (manifest.spec?.template?.spec.containers ?? []).map((container) => ({ manifest, container })),
  );
  return [
    ...pods.flatMap(({ manifest, container }) =>
      [...refusals(container), ...openSecrets(container)].map((fault) => `${nameOf(manifest)}: ${fault}`),
    ),
    ...manifests.filter((manifest) => componentOf(manifest) === 'api').flatMap(waysToKafka),
  ];
}

function refusals(container: Container): string[] {
  const runs = PROCESSES[container.name];
  if (!runs) return [`runs ${container.name}, whose settings are not known here`];
  const folder = mkdtempSync(path.join(tmpdir(), 'chart-settings-'));
  try {
    runs.read(environmentOf(container, folder));
    return unread(container, runs.settings);
  } catch (error) {
    return [reasonOf(error)];
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** What a process does not know it ignores, unless it begins like its own settings: nobody must rely on that. */
function unread({ env }: Container, { shape }: z.ZodObject): string[] {
  return env
    .map(({ name }) => name)
    .filter((name) => !(name in shape || name.replace(/_FILE$/, '') in shape || NOT_SETTINGS.includes(name)))
    .map((name) => `${name} is given to a process that does not know it`);
}

function readMigrateSettings(env: Environment): void {
  const secrets = ['DATABASE_URL', 'DATABASE_DIRECT_URL'];
  readConfig({ schema: migrateSettings, env, prefix: 'MIGRATE_', secrets });
}

/** The environment as the kubelet makes it, with what is mounted in a folder of this machine. */
function environmentOf({ env, volumeMounts }: Container, folder: string): Environment {
  const given: Environment = {};
  for (const { name, value, valueFrom } of env) {
    given[name] = valueFrom ? (SECRETS[name] ?? '') : (value ?? '');
    const mount = volumeMounts.find(({ mountPath }) => given[name]?.startsWith(`${mountPath}/`));
    if (!mount) continue;
    const file = path.join(folder, given[name]);
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, SECRETS[name.replace(/_FILE$/, '')] ?? fileText(name));
    given[name] = file;
  }
  return given;
}

function openSecrets({ env }: Container): string[] {
  return env
    .filter(({ name, valueFrom }) => name in SECRETS && !valueFrom)
    .map(({ name }) => `${name} stands in the manifest, and must come from a secret`);
}

/** The API never connects to Kafka: it is not told where it is, and the network does not lead there. */
function waysToKafka(manifest: Manifest): string[] {
  const told = (manifest.spec?.template?.spec.containers ?? [])
    .flatMap(({ env }) => env)
    .filter(({ name }) => name.startsWith('KAFKA_'))
    .map(({ name }) => `the API is given ${name}`);
  const led = (manifest.spec?.egress ?? [])
    .flatMap(({ ports }) => ports ?? [])
    .filter(({ port }) => KAFKA_PORTS.includes(port))
    .map(({ port }) => `the API may reach port ${port}, where Kafka is`);
  return [...told, ...led].map((fault) => `${nameOf(manifest)}: ${fault}`);
}

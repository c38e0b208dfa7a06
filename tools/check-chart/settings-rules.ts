import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { migrateSettings } from '@order-events/database';
import { reasonOf, readConfig } from '@order-events/runtime';
import { apiConfig } from '../../apps/api/src/config.ts';
import { relayConfig } from '../../apps/relay/src/config.ts';
import { gatewayConfig } from '../../apps/stream-gateway/src/config.ts';
import { topicsConfig } from '../../apps/topics/src/config.ts';
import { certificateText } from './certificate.ts';
import { componentOf, type Container, type Manifest, nameOf } from './manifest.ts';

type Environment = Record<string, string>;

/** The processes read what the chart gives them, as they do when they start. */
const READERS: Readonly<Record<string, (env: Environment) => unknown>> = {
  api: apiConfig,
  relay: relayConfig,
  'stream-gateway': gatewayConfig,
  topics: topicsConfig,
  migrate: (env) =>
    readConfig({
      schema: migrateSettings,
      env,
      prefix: 'MIGRATE_',
      secrets: ['DATABASE_URL', 'DATABASE_DIRECT_URL'],
    }),
};
/** What the secrets may hold, by the variables that are secret. */
const SECRETS: Environment = {
  DATABASE_URL: 'postgres://orders:secret@database:5432/orders?sslmode=verify-full',
  DATABASE_DIRECT_URL: 'postgres://orders:secret@database:5432/orders?sslmode=verify-full',
  KAFKA_SASL_USERNAME: 'orders',
  KAFKA_SASL_PASSWORD: 'secret',
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
  const read = READERS[container.name];
  if (!read) return [`runs ${container.name}, whose settings are not known here`];
  const folder = mkdtempSync(path.join(tmpdir(), 'chart-settings-'));
  try {
    read(environmentOf(container, folder));
    return [];
  } catch (error) {
    return [reasonOf(error)];
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** The environment as the kubelet makes it, with what is mounted in a folder of this machine. */
function environmentOf({ env, volumeMounts }: Container, folder: string): Environment {
  // Who may do what is for the operator to say: without a word production refuses to start, as it must.
  const given: Environment = { ACCESS_CONTROL: 'open-to-everybody' };
  for (const { name, value, valueFrom } of env) {
    given[name] = valueFrom ? (SECRETS[name] ?? '') : (value ?? '');
    const mount = volumeMounts.find(({ mountPath }) => given[name]?.startsWith(`${mountPath}/`));
    if (!mount) continue;
    const file = path.join(folder, given[name]);
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, SECRETS[name.replace(/_FILE$/, '')] ?? certificateText(name));
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

import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { parse } from 'yaml';
import { RULE_FILES } from './rule-tests.ts';

const ROOT = path.resolve(import.meta.dirname, '../..');
const read = (file: string) => parse(readFileSync(path.join(ROOT, file), 'utf8'));

interface Service {
  readonly profiles?: readonly string[];
  readonly volumes?: readonly string[];
  readonly ports?: readonly string[];
  readonly image: string;
  readonly environment?: Readonly<Record<string, string>>;
}

const services: Record<string, Service> = read('docker-compose.yml').services;
const observability = Object.entries(services).filter(([, { profiles }]) =>
  profiles?.includes('observability'),
);
const mounts = observability.flatMap(([, { volumes = [] }]) => volumes.filter((one) => one.startsWith('./')));

test('what the profile observability mounts is there, and has every file of rules', () => {
  const files = mounts.map((mount) => mount.split(':')[0] ?? '');
  assert.deepEqual(
    files.filter((file) => !existsSync(path.join(ROOT, file))),
    [],
  );
  for (const file of RULE_FILES) assert.ok(files.includes(`./${file}`), file);
});

test('its images have versions, and its ports are those of this machine only', () => {
  assert.equal(observability.length, 3);
  for (const [name, { image, ports = [] }] of observability) {
    assert.match(image, /:v?\d+\.\d+\.\d+$/, name);
    assert.ok(ports.length > 0 && ports.every((port) => port.startsWith('127.0.0.1:')), name);
  }
});

test('Prometheus scrapes every process of the product, by the name and port that it has there', () => {
  const { scrape_configs: jobs } = read('ops/compose/observability/prometheus.yaml');
  const targets = jobs.flatMap((job: { static_configs: { targets: string[] }[] }) =>
    job.static_configs.flatMap((one) => one.targets),
  );
  const wanted = Object.entries(services).flatMap(([name, { environment = {} }]) =>
    Object.entries(environment).flatMap(([variable, port]) =>
      /^(API|RELAY|GATEWAY)_ADMIN_PORT$/.test(variable) ? `${name}:${port}` : [],
    ),
  );
  assert.equal(wanted.length, 3);
  assert.deepEqual(targets.sort(), wanted.sort());
});

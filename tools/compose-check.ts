/**
 * Proves that the Compose file gives the whole product: brings it up beside whatever else runs (a project name and ports of its
 * own), follows an order from REST to a gRPC subscriber, does so again with Kafka stopped in between, stops the apps and looks
 * at their exit codes, and takes everything down with its volumes. Exits with 0 when all of it held.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as pause } from 'node:timers/promises';
import { startResumingWatch } from './load/resuming-watch.ts';
import { findFreePort } from './stack/index.ts';

const REPOSITORY = join(import.meta.dirname, '..');
const PROJECT = `order-events-check-${process.pid}`;
const APPS = ['api', 'relay', 'stream-gateway'];
const ARRIVAL_DEADLINE_MS = 120_000;
const PORT_VARIABLES = [
  ...['POSTGRES_PORT', 'KAFKA_PORT', 'API_PORT', 'API_ADMIN_PORT'],
  ...[
    'RELAY_ADMIN_PORT',
    'GATEWAY_PORT',
    'GATEWAY_ADMIN_PORT',
    'GATEWAY_ADMIN_GRPC_PORT',
    'GATEWAY_WEB_PORT',
  ],
];

/** Who is logged in by the network, and may do anything. */
const ROLES = `SELECT DISTINCT usename || ' ' || left(usesuper::text, 1) AS role FROM pg_stat_activity JOIN pg_user USING (usename)
  WHERE client_addr IS NOT NULL ORDER BY role`;

const ports: Record<string, string> = {};
for (const name of PORT_VARIABLES) ports[name] = String(await findFreePort());

const interruption = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => interruption.abort(new Error('interrupted')));
}

try {
  await check();
  step('all of it held');
} catch (error: unknown) {
  process.exitCode = 1;
  console.error(error instanceof Error ? error.message : error);
  if (!interruption.signal.aborted) await printLogs().catch(console.error);
} finally {
  step('taking everything down');
  await compose('down', '--volumes', '--remove-orphans');
}

async function check(): Promise<void> {
  step('building the image and starting the stack');
  await compose('up', '--build', '--detach');
  // Named, because `up --wait` takes the end of a job that nothing waits for as a failure.
  await compose('up', '--detach', '--wait', '--wait-timeout', '180', 'postgres', 'kafka', ...APPS);

  let started = false;
  const arrived = new Set<string>();
  const watch = startResumingWatch({
    address: () => `127.0.0.1:${ports['GATEWAY_PORT']}`,
    onEvent: (event) => arrived.add(event.orderId),
    onSignal: (signal) => (started ||= signal.$case === 'started'),
  });
  try {
    await until(() => started, 'the gateway to register the subscriber');
    step('placing an order');
    const first = await placeOrder();
    await until(() => arrived.has(first), `order ${first} to reach the subscriber`);

    step('it reached the subscriber; stopping Kafka and placing another');
    await compose('stop', 'kafka');
    const second = await placeOrder();
    step('it was accepted; starting Kafka');
    await compose('start', 'kafka');
    await until(() => arrived.has(second), `order ${second} to reach the subscriber`);
  } finally {
    await watch.stop();
  }

  step('it reached the subscriber; asking for roles and for what an operator is told');
  const roles = await compose(
    'exec',
    'postgres',
    'psql',
    ...['-U', 'postgres', '-d', 'orders', '-Atc', ROLES],
  );
  if (roles.trim() !== 'orders_api f\norders_relay f')
    throw new Error(`not the roles of the apps:\n${roles}`);
  await compose('run', '--rm', 'outboxctl', 'status');

  step('all is well; stopping the apps');
  await compose('stop', ...APPS);
  const exits = await compose('ps', '--all', '--format', '{{.Service}} {{.ExitCode}}', ...APPS);
  const expected = APPS.map((app) => `${app} 0`).join('\n');
  if (exits.trim() !== expected) throw new Error(`exit codes are not all 0:\n${exits}`);
}

/** Places an order through REST and answers its id. */
async function placeOrder(): Promise<string> {
  const response = await fetch(`http://127.0.0.1:${ports['API_PORT']}/orders`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      customer_id: 'compose-check',
      currency: 'EUR',
      items: [{ sku: 'sku-1', quantity: 1, unit_price_minor: 1250 }],
    }),
    signal: AbortSignal.timeout(10_000),
  });
  const answer = await response.text();
  if (response.status !== 201) throw new Error(`POST /orders: ${response.status} ${answer}`);
  // The API's contract; an id that is not there never arrives.
  return (JSON.parse(answer) as { order_id: string }).order_id;
}

async function until(condition: () => boolean, what: string): Promise<void> {
  const deadline = Date.now() + ARRIVAL_DEADLINE_MS;
  while (!condition()) {
    interruption.signal.throwIfAborted();
    if (Date.now() > deadline) throw new Error(`waited in vain for ${what}`);
    await pause(20);
  }
}

/** Runs a Compose command on the project and answers its output. Throws with what it printed when it fails. */
async function compose(command: string, ...args: string[]): Promise<string> {
  const child = spawn('docker', ['compose', '--project-name', PROJECT, command, ...args], {
    cwd: REPOSITORY,
    env: { ...process.env, ...ports },
    stdio: ['ignore', 'pipe', 'pipe'],
    // A group of its own: Ctrl-C must not end the command that takes the stack down.
    detached: true,
  });
  const stop = () => child.kill('SIGINT');
  if (command !== 'down') interruption.signal.addEventListener('abort', stop);
  const [stdout, stderr, [code]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'exit'),
  ]);
  interruption.signal.removeEventListener('abort', stop);
  if (command !== 'down') interruption.signal.throwIfAborted();
  if (code !== 0) throw new Error(`docker compose ${command} failed:\n${stderr.slice(-3_000)}`);
  return stdout;
}

async function printLogs(): Promise<void> {
  const logs = await compose('logs', '--no-color', '--tail', '10');
  for (const line of logs.split('\n')) console.error(line.slice(0, 300));
}

function step(what: string): void {
  console.log(`${(performance.now() / 1000).toFixed(1).padStart(6)} s  ${what}`);
}

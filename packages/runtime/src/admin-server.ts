import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Registry } from 'prom-client';
import { settleWithin } from './deadline.ts';
import type { Part } from './lifecycle.ts';
import type { Logger } from './logger.ts';

/** One thing a process needs to take work now. Must answer fast; a slow answer counts as no. */
export interface ReadinessCheck {
  readonly name: string;
  check(): boolean | Promise<boolean>;
}

export interface AdminServerOptions {
  readonly host: string;
  /** 0 takes any free port. */
  readonly port: number;
  readonly checks: readonly ReadinessCheck[];
  readonly registry: Registry;
  readonly log: Logger;
}

const CHECK_TIMEOUT_MS = 500;

/**
 * The port for operators: `/livez` (the event loop turns; it asks nobody, so that a dependency's trouble does not restart this
 * process), `/readyz` (all checks hold; 503 from the first moment of stopping; `?verbose` names them) and `/metrics`.
 * Start it first and stop it last: it must answer while the other parts come and go.
 */
export function createAdminServer(options: AdminServerOptions): Part {
  let server: Server | undefined;
  let draining = false;
  return {
    name: 'admin server',
    async start(signal) {
      signal.addEventListener('abort', () => (draining = true), { once: true });
      server = createServer((request, response) => {
        answer(request.url ?? '/', response, options, () => draining).catch((error: unknown) => {
          options.log.warn({ err: error }, 'admin request failed');
          response.destroy();
        });
      });
      await listen(server, options.host, options.port);
      // The server's address is an object for every TCP server that listens.
      const { port } = server.address() as AddressInfo;
      options.log.info({ name: 'admin', url: `http://${options.host}:${port}` }, 'listening');
    },
    async stop() {
      draining = true;
      const closing = server;
      if (!closing?.listening) return;
      closing.closeAllConnections();
      await new Promise((resolve) => closing.close(resolve));
    },
  };
}

async function answer(
  url: string,
  response: ServerResponse,
  options: AdminServerOptions,
  isDraining: () => boolean,
): Promise<void> {
  const { pathname, searchParams } = new URL(url, 'http://admin');
  if (pathname === '/livez') return send(response, 200, 'ok\n');
  if (pathname === '/metrics') {
    return send(response, 200, await options.registry.metrics(), options.registry.contentType);
  }
  if (pathname !== '/readyz') return send(response, 404, 'try /livez, /readyz or /metrics\n');
  const results = await Promise.all(
    options.checks.map(async (check) => ({ name: check.name, ok: await holds(check) })),
  );
  results.push({ name: 'not stopping', ok: !isDraining() });
  const ready = results.every((result) => result.ok);
  const lines = results.map((result) => `${result.ok ? 'ok' : 'FAILED'} ${result.name}\n`).join('');
  const verbose = searchParams.has('verbose');
  send(response, ready ? 200 : 503, verbose ? lines : ready ? 'ok\n' : 'not ready\n');
}

async function holds(check: ReadinessCheck): Promise<boolean> {
  let ok = false;
  const asked = Promise.resolve()
    .then(() => check.check())
    .then((value) => (ok = value));
  await settleWithin(asked, CHECK_TIMEOUT_MS);
  return ok;
}

function send(response: ServerResponse, status: number, body: string, contentType = 'text/plain'): void {
  response.writeHead(status, { 'content-type': contentType }).end(body);
}

function listen(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Registry } from 'prom-client';
import { type AdminAnswer, type AdminPage, indexPage, plainText, renderPage } from './admin-page.ts';
import { settleWithin } from './deadline.ts';
import type { Part } from './lifecycle.ts';
import type { Logger } from './logger.ts';
import { addressText } from './network-address.ts';
import { createOpeningPart } from './running-part.ts';

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
  /** The effective settings by name, secrets masked; shown at `/config`. */
  readonly settings?: Readonly<Record<string, string>>;
  /** Pages of the app's own. */
  readonly pages?: readonly AdminPage[];
  /**
   * Asked, with the Authorization headers of the request, before anything but a probe is answered: what to tell whoever may not see it.
   * Without it everybody may.
   */
  readonly refuse?: ((authorization: readonly string[]) => Promise<AdminAnswer | undefined>) | undefined;
  readonly log: Logger;
}

const CHECK_TIMEOUT_MS = 500;
/** Whoever starts and stops processes asks for these, and has no token. */
const PROBES: readonly string[] = ['/livez', '/readyz'];

/**
 * The port for operators: `/livez` (the event loop turns; it asks nobody, so that a dependency's trouble does not restart this
 * process), `/readyz` (all checks hold; 503 from the first moment of stopping; `?verbose` names them), `/metrics`, `/config` and the
 * app's own pages; `/` lists them. Start it first and stop it last: it must answer while the other parts come and go.
 */
export function createAdminServer(options: AdminServerOptions): Part {
  let draining = false;
  const pages = allPages(options, () => draining);
  return createOpeningPart('admin server', async (signal) => {
    signal.addEventListener('abort', () => (draining = true), { once: true });
    const server = createServer((request, response) => {
      answer(request, pages, options).then(
        (found) => send(request, response, found),
        (error: unknown) => {
          options.log.error({ err: error }, 'admin request failed');
          response.destroy();
        },
      );
    });
    await listen(server, options.host, options.port);
    // The server's address is an object for every TCP server that listens.
    const { port } = server.address() as AddressInfo;
    options.log.info(
      { name: 'admin', url: `http://${addressText({ host: options.host, port })}` },
      'listening',
    );
    return async () => {
      draining = true;
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    };
  });
}

type Route = (query: URLSearchParams) => AdminAnswer | Promise<AdminAnswer>;

interface RoutedPage {
  readonly path: string;
  readonly title: string;
  readonly route: Route;
}

function allPages(options: AdminServerOptions, isDraining: () => boolean): RoutedPage[] {
  const { registry, settings, log } = options;
  const onError = (error: unknown) => log.error({ err: error }, 'an admin page failed');
  const pages: RoutedPage[] = [
    { path: '/livez', title: 'whether the process turns', route: () => plainText(200, 'ok\n') },
    {
      path: '/readyz',
      title: 'whether it can take work; ?verbose names the checks',
      route: (query) => readiness(options.checks, isDraining, query.has('verbose')),
    },
    {
      path: '/metrics',
      title: 'for Prometheus',
      route: async () => ({ body: await registry.metrics(), contentType: registry.contentType }),
    },
  ];
  if (settings) {
    const body = `${JSON.stringify(settings, null, 2)}\n`;
    pages.push({
      path: '/config',
      title: 'effective settings',
      route: () => ({ ...plainText(200, body), contentType: 'application/json' }),
    });
  }
  for (const page of options.pages ?? []) {
    pages.push({ path: page.path, title: page.title, route: () => renderPage(page, onError) });
  }
  return pages;
}

async function answer(
  request: IncomingMessage,
  pages: readonly RoutedPage[],
  { refuse, log }: Pick<AdminServerOptions, 'refuse' | 'log'>,
): Promise<AdminAnswer> {
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    log.debug({ method: request.method }, 'refused an admin request');
    return plainText(405, 'only GET\n');
  }
  const url = URL.parse(request.url ?? '/', 'http://admin');
  if (!PROBES.includes(url?.pathname ?? '')) {
    const refusal = await refuse?.(request.headersDistinct['authorization'] ?? []);
    if (refusal) return refusal;
  }
  if (url?.pathname === '/') return indexPage(pages);
  const found = pages.find(({ path }) => path === url?.pathname);
  if (!url || !found) return plainText(404, `try ${pages.map(({ path }) => path).join(', ')}\n`);
  return await found.route(url.searchParams);
}

async function readiness(
  checks: readonly ReadinessCheck[],
  isDraining: () => boolean,
  verbose: boolean,
): Promise<AdminAnswer> {
  const results = await Promise.all(
    checks.map(async (check) => ({ name: check.name, ok: await holds(check) })),
  );
  results.push({ name: 'not stopping', ok: !isDraining() });
  const ready = results.every((result) => result.ok);
  const lines = results.map((result) => `${result.ok ? 'ok' : 'FAILED'} ${result.name}\n`).join('');
  return plainText(ready ? 200 : 503, verbose ? lines : ready ? 'ok\n' : 'not ready\n');
}

async function holds(check: ReadinessCheck): Promise<boolean> {
  let ok = false;
  const asked = Promise.resolve()
    .then(() => check.check())
    .then((value) => (ok = value));
  await settleWithin(asked, CHECK_TIMEOUT_MS);
  return ok;
}

function send(request: IncomingMessage, response: ServerResponse, found: AdminAnswer): void {
  response.writeHead(found.status ?? 200, { ...found.headers, 'content-type': found.contentType });
  response.end(request.method === 'HEAD' ? undefined : found.body);
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

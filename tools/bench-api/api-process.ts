import { fork } from 'node:child_process';
import { once } from 'node:events';
import { Agent, type IncomingMessage, request } from 'node:http';
import { join } from 'node:path';
import { SAMPLE_HEADERS } from '../bench/sample-orders.ts';
import type { Door, DoorUrls } from './api-doors.ts';
import type { BenchContext } from './bench-part.ts';

export interface ApiRequest {
  readonly method: string;
  readonly path: string;
  readonly body?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Any other status is a failure of the benchmark. */
  readonly status: number;
}

export interface ApiProcess {
  readonly pid: number;
  /** Resolves with the body of the answer. */
  send(door: Door, asked: ApiRequest): Promise<string>;
}

/** Runs the API's HTTP server as a process of its own until the part is over. Its log lines are written, and thrown away. */
export async function startApiProcess(
  context: BenchContext,
  databaseUrl: string,
  spansUrl?: string,
): Promise<ApiProcess> {
  const { profileDir } = context;
  const child = fork(
    join(import.meta.dirname, 'api-process-main.ts'),
    [databaseUrl, ...(spansUrl === undefined ? [] : [spansUrl])],
    {
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
      execArgv: profileDir === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${profileDir}`],
    },
  );
  const { pid } = child;
  if (pid === undefined) throw new Error('could not run the API');
  const exited = once(child, 'exit');
  const ended = exited.then(() => {
    throw new Error('the API has ended');
  });
  ended.catch(() => undefined);
  const agent = new Agent({ keepAlive: true });
  context.defer(async () => {
    agent.destroy();
    if (child.connected) child.disconnect();
    await exited;
  });
  const [message] = await Promise.race([once(child, 'message'), ended]);
  // The other side is api-process-main.ts, which sends nothing else.
  const { urls, authorization } = message as DoorUrls;
  return {
    pid,
    send(door, asked) {
      const headers = { ...SAMPLE_HEADERS, ...(door === 'guarded' && { authorization }), ...asked.headers };
      return send(agent, urls[door], { ...asked, headers });
    },
  };
}

function send(
  agent: Agent,
  url: string,
  { method, path, body, headers, status }: ApiRequest,
): Promise<string> {
  const about =
    body === undefined
      ? {}
      : { 'content-type': 'application/json', 'content-length': String(Buffer.byteLength(body)) };
  return new Promise((resolve, reject) => {
    const read = async (response: IncomingMessage) => {
      const chunks: Buffer[] = [];
      for await (const chunk of response) chunks.push(chunk as Buffer);
      const text = Buffer.concat(chunks).toString();
      if (response.statusCode !== status) {
        throw new Error(`${method} ${path} was answered ${response.statusCode}: ${text}`);
      }
      return text;
    };
    const sent = request(url + path, { agent, method, headers: { ...about, ...headers } }, (response) => {
      read(response).then(resolve, reject);
    });
    sent.once('error', reject);
    sent.end(body);
  });
}

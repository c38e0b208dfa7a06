import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { TestContext } from 'node:test';
import { withDeadline } from '@order-events/runtime';
import { findChromium } from '../../tools/stack/chromium-program.ts';
import { createTestFolder } from './test-folder.ts';

export interface BrowserPage {
  /** What a JavaScript expression is in the page; it must be JSON. */
  evaluate<Value>(expression: string): Promise<Value>;
  /** What the page complained of: errors, and what its policy of contents refused. */
  readonly complaints: readonly string[];
  /** Everything it asked for. */
  readonly requested: readonly string[];
}

/** Whoever asks again asks a page that has moved on. */
const ANSWER_DEADLINE_MS = 10_000;

interface ProtocolMessage {
  readonly id?: number;
  readonly method?: string;
  readonly params?: {
    readonly entry?: { readonly level: string; readonly text: string };
    readonly exceptionDetails?: { readonly text: string };
    readonly request?: { readonly url: string };
  };
  readonly result?: Readonly<Record<string, unknown>>;
  readonly error?: { readonly message: string };
}

/** Opens a page in a real browser without windows, by the DevTools protocol; both end with the test. */
export async function openInBrowser(t: TestContext, url: string): Promise<BrowserPage> {
  const { send, onEvent } = await connect(t, await startChromium(t));
  const { targetId } = await send('Target.createTarget', { url: 'about:blank' });
  const { sessionId } = await send('Target.attachToTarget', { targetId, flatten: true });
  const complaints: string[] = [];
  const requested: string[] = [];
  onEvent(({ method, params }) => {
    if (method === 'Log.entryAdded' && params?.entry?.level === 'error') complaints.push(params.entry.text);
    if (method === 'Runtime.exceptionThrown') complaints.push(params?.exceptionDetails?.text ?? 'exception');
    if (method === 'Network.requestWillBeSent' && params?.request) requested.push(params.request.url);
  });
  for (const domain of ['Log', 'Runtime', 'Network', 'Page']) await send(`${domain}.enable`, {}, sessionId);
  const loaded = new Promise<void>((resolve) => {
    onEvent(({ method }) => method === 'Page.loadEventFired' && resolve());
  });
  await send('Page.navigate', { url }, sessionId);
  // What is asked while the page comes is asked of the one before it, and may never be answered.
  await loaded;
  return {
    complaints,
    requested,
    async evaluate<Value>(expression: string) {
      const options = { expression, returnByValue: true, awaitPromise: true };
      const { result, exceptionDetails } = await send('Runtime.evaluate', options, sessionId);
      if (exceptionDetails) throw new Error(`${expression}: ${JSON.stringify(exceptionDetails)}`);
      // What the expression is, the caller says.
      return (result as { value: unknown }).value as Value;
    },
  };
}

async function startChromium(t: TestContext): Promise<string> {
  const program = await findChromium();
  const folder = await createTestFolder();
  const options = ['--headless', '--disable-gpu', '--disable-dev-shm-usage', '--remote-debugging-port=0'];
  // Root has no sandbox; the page is the test's own.
  if (process.getuid?.() === 0) options.push('--no-sandbox');
  const browser = spawn(program, [...options, `--user-data-dir=${folder}`, 'about:blank'], {
    stdio: ['ignore', 'ignore', 'pipe'],
    // Debian's program is a script that starts the browser: with a group of their own both can be ended.
    detached: true,
  });
  t.after(async () => {
    if (browser.pid !== undefined) process.kill(-browser.pid, 'SIGKILL');
    // Its own children may hold the other end for a while.
    browser.stderr.destroy();
    if (browser.exitCode === null && browser.signalCode === null) await once(browser, 'exit');
  });
  for await (const line of createInterface({ input: browser.stderr })) {
    const address = /^DevTools listening on (ws:.+)$/.exec(line)?.[1];
    if (address) {
      browser.stderr.resume();
      return address;
    }
  }
  throw new Error(`${program} ended before it could be asked for anything`);
}

async function connect(t: TestContext, address: string) {
  const socket = new WebSocket(address);
  t.after(() => socket.close());
  const answers = new Map<number, (message: ProtocolMessage) => void>();
  const listeners: ((message: ProtocolMessage) => void)[] = [];
  socket.addEventListener('message', ({ data }) => {
    const message = JSON.parse(String(data)) as ProtocolMessage;
    if (message.id === undefined) listeners.forEach((listener) => listener(message));
    else answers.get(message.id)?.(message);
  });
  await once(socket, 'open');
  let last = 0;
  return {
    onEvent: (listener: (message: ProtocolMessage) => void) => listeners.push(listener),
    async send(method: string, params: object = {}, sessionId?: unknown) {
      const id = ++last;
      const answered = new Promise<ProtocolMessage>((resolve) => answers.set(id, resolve));
      socket.send(JSON.stringify({ id, method, params, sessionId }));
      const { result, error } = await withDeadline(answered, ANSWER_DEADLINE_MS, `no answer to ${method}`);
      if (error) throw new Error(`${method}: ${error.message}`);
      return result ?? {};
    },
  };
}

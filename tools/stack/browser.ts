import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { withDeadline } from '@order-events/runtime';
import { findChromium } from './chromium-program.ts';

export interface BrowserPage {
  /** What a JavaScript expression is in the page; it must be JSON. */
  evaluate<Value>(expression: string): Promise<Value>;
  /** What the page complained of: errors, and what its policy of contents refused. */
  readonly complaints: readonly string[];
  /** Everything it asked for. */
  readonly requested: readonly string[];
  /** By which protocol each answer came: `http/1.1`, `h2`. */
  readonly protocols: readonly string[];
  /** One key, as a person presses it. */
  press(key: 'Tab' | 'Enter' | 'Space'): Promise<void>;
  /** What a person sees of a window of this size, as PNG. */
  picture(look: { width: number; height: number; colorScheme: 'light' | 'dark' }): Promise<Buffer>;
}

/** A real browser without windows. */
export interface Browser {
  open(url: string): Promise<BrowserPage>;
  close(): Promise<void>;
}

/** Long enough for a browser that is read from a cold disk, by a machine that is busy with other things. */
const ANSWER_DEADLINE_MS = 60_000;

const KEYS = {
  Tab: { key: 'Tab', code: 'Tab', windowsVirtualKeyCode: 9 },
  Enter: { key: 'Enter', code: 'Enter', windowsVirtualKeyCode: 13, text: '\r' },
  Space: { key: ' ', code: 'Space', windowsVirtualKeyCode: 32, text: ' ' },
} as const;

interface ProtocolMessage {
  readonly id?: number;
  readonly method?: string;
  readonly params?: {
    readonly entry?: { readonly level: string; readonly text: string };
    readonly exceptionDetails?: { readonly text: string };
    readonly request?: { readonly url: string };
    readonly response?: { readonly protocol?: string };
    /** Of an event in the life of a page: which page, and which event. */
    readonly loaderId?: string;
    readonly name?: string;
  };
  readonly result?: Readonly<Record<string, unknown>>;
  readonly error?: { readonly message: string };
}

/** Starts it, to be spoken with by the DevTools protocol. */
export async function startBrowser(): Promise<Browser> {
  const { address, end } = await startChromium();
  try {
    const connection = await connect(address);
    return {
      open: (url) => openPage(connection, url),
      async close() {
        connection.close();
        await end();
      },
    };
  } catch (error) {
    await end();
    throw error;
  }
}

async function openPage({ send, onEvent }: Connection, url: string): Promise<BrowserPage> {
  const { targetId } = await send('Target.createTarget', { url: 'about:blank' });
  const { sessionId } = await send('Target.attachToTarget', { targetId, flatten: true });
  const complaints: string[] = [];
  const requested: string[] = [];
  const protocols: string[] = [];
  onEvent(({ method, params }) => {
    if (method === 'Log.entryAdded' && params?.entry?.level === 'error') complaints.push(params.entry.text);
    if (method === 'Runtime.exceptionThrown') complaints.push(params?.exceptionDetails?.text ?? 'exception');
    if (method === 'Network.requestWillBeSent' && params?.request) requested.push(params.request.url);
    const protocol = method === 'Network.responseReceived' && params?.response?.protocol;
    if (protocol) protocols.push(protocol);
  });
  for (const domain of ['Log', 'Runtime', 'Network', 'Page']) await send(`${domain}.enable`, {}, sessionId);
  await load(url, (method, params) => send(method, params, sessionId), onEvent);
  return {
    complaints,
    requested,
    protocols,
    async evaluate<Value>(expression: string) {
      const options = { expression, returnByValue: true, awaitPromise: true };
      const { result, exceptionDetails } = await send('Runtime.evaluate', options, sessionId);
      if (exceptionDetails) throw new Error(`${expression}: ${JSON.stringify(exceptionDetails)}`);
      // What the expression is, the caller says.
      return (result as { value: unknown }).value as Value;
    },
    async press(key) {
      for (const type of ['rawKeyDown', 'char', 'keyUp']) {
        if (type === 'char' && key === 'Tab') continue;
        await send('Input.dispatchKeyEvent', { type, ...KEYS[key] }, sessionId);
      }
    },
    async picture({ width, height, colorScheme }) {
      const features = [{ name: 'prefers-color-scheme', value: colorScheme }];
      await send('Emulation.setEmulatedMedia', { features }, sessionId);
      const metrics = { width, height, deviceScaleFactor: 1, mobile: false };
      await send('Emulation.setDeviceMetricsOverride', metrics, sessionId);
      const { data } = await send('Page.captureScreenshot', { format: 'png' }, sessionId);
      return Buffer.from(String(data), 'base64');
    },
  };
}

/**
 * Waits for this very page: what is asked while it comes is asked of the empty one before it, which tells that it is loaded too,
 * and may never be answered.
 */
async function load(url: string, send: Connection['send'], onEvent: Connection['onEvent']): Promise<void> {
  const loaded = new Set<unknown>();
  const page = Promise.withResolvers<void>();
  const wanted: { loaderId?: unknown } = {};
  const look = () => wanted.loaderId !== undefined && loaded.has(wanted.loaderId) && page.resolve();
  onEvent(({ method, params }) => {
    if (method !== 'Page.lifecycleEvent' || params?.name !== 'load') return;
    loaded.add(params.loaderId);
    look();
  });
  await send('Page.setLifecycleEventsEnabled', { enabled: true });
  const { loaderId, errorText } = await send('Page.navigate', { url });
  if (typeof errorText === 'string') throw new Error(`${url}: ${errorText}`);
  wanted.loaderId = loaderId;
  look();
  await withDeadline(page.promise, ANSWER_DEADLINE_MS, `${url} was not loaded`);
}

async function startChromium(): Promise<{ address: string; end: () => Promise<void> }> {
  const program = await findChromium();
  const folder = await mkdtemp(join(tmpdir(), 'order-events-browser-'));
  const options = [
    '--headless',
    '--disable-gpu',
    '--disable-dev-shm-usage',
    '--hide-scrollbars',
    '--remote-debugging-port=0',
  ];
  // The authorities of tests are nobody's.
  options.push('--ignore-certificate-errors');
  // Root has no sandbox; the page is the test's own.
  if (process.getuid?.() === 0) options.push('--no-sandbox');
  const browser = spawn(program, [...options, `--user-data-dir=${folder}`, 'about:blank'], {
    stdio: ['ignore', 'ignore', 'pipe'],
    // Debian's program is a script that starts the browser: with a group of their own both can be ended.
    detached: true,
  });
  const end = async () => {
    if (browser.pid !== undefined) process.kill(-browser.pid, 'SIGKILL');
    // Its own children may hold the other end for a while.
    browser.stderr.destroy();
    if (browser.exitCode === null && browser.signalCode === null) await once(browser, 'exit');
    // Its children may still write.
    await rm(folder, { recursive: true, force: true, maxRetries: 10 });
  };
  for await (const line of createInterface({ input: browser.stderr })) {
    const address = /^DevTools listening on (ws:.+)$/.exec(line)?.[1];
    if (address) {
      browser.stderr.resume();
      return { address, end };
    }
  }
  await end();
  throw new Error(`${program} ended before it could be asked for anything`);
}

type Connection = Awaited<ReturnType<typeof connect>>;

async function connect(address: string) {
  const socket = new WebSocket(address);
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
    close: () => socket.close(),
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

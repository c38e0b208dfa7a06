import { type ChildProcessByStdio, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { promisify } from 'node:util';

/** What happens to packets of one direction. */
export interface DirectionRule {
  readonly from: string;
  readonly to: string;
  readonly delayMs?: number;
  readonly jitterMs?: number;
  /** Share of the packets, 0 to 1. */
  readonly loss?: number;
  readonly drop?: boolean;
}

/** What rules did while they were in force. */
export interface RuleCounts {
  readonly packets: number;
  readonly delayed: number;
  readonly dropped: number;
  /** TCP connections whose packets they met. */
  readonly connections: number;
}

/** Network namespaces whose only way to each other is a switch that breaks what it is told to. */
export interface SwitchedNetwork {
  /** A command that runs another one in the namespace of this host. */
  inside(host: string): string[];
  /** Replaces all rules; answers what the former ones did. */
  setRules(rules: readonly DirectionRule[]): Promise<RuleCounts>;
  stop(): Promise<void>;
}

type Holder = ChildProcessByStdio<Writable, Readable, null>;

const run = promisify(execFile);
const HUB = 'hub';

/**
 * This process stands at `hub`, with several addresses; what it sends comes from the last one. Each of `hosts` is a namespace of its own
 * with one address. Expects to be in a namespace that nobody else uses. Everything ends with this process.
 */
export async function startSwitchedNetwork(
  hub: readonly [string, ...string[]],
  hosts: Readonly<Record<string, string>>,
): Promise<SwitchedNetwork> {
  const devices = [`${HUB}=${hub.join(',')}`, ...Object.entries(hosts).map(([name, at]) => `${name}=${at}`)];
  const script = join(import.meta.dirname, 'packet_switch.py');
  const carrier = spawn('python3', [script, ...devices], { stdio: ['pipe', 'pipe', 'inherit'] });
  const answer = linesOf(carrier.stdout);
  await answer();
  await run('ip', ['link', 'set', 'lo', 'up']);
  for (const address of hub) await run('ip', ['address', 'add', `${address}/32`, 'dev', HUB]);
  await run('ip', ['link', 'set', HUB, 'up']);

  const holders = new Map<string, Holder>();
  const inside = (host: string) => {
    const pid = holders.get(host)?.pid;
    if (pid === undefined) throw new RangeError(`there is no host ${host}`);
    return ['nsenter', `--net=/proc/${pid}/ns/net`];
  };
  for (const [host, address] of Object.entries(hosts)) {
    holders.set(host, await holdNamespace());
    await run('ip', ['link', 'set', host, 'netns', String(holders.get(host)?.pid)]);
    const [enter = '', ...args] = inside(host);
    for (const command of [
      'link set lo up',
      `address add ${address}/32 dev ${host}`,
      `link set ${host} up`,
      `route add default dev ${host}`,
    ])
      await run(enter, [...args, 'ip', ...command.split(' ')]);
    await run('ip', ['route', 'add', `${address}/32`, 'dev', HUB, 'src', hub.at(-1) ?? hub[0]]);
  }

  return {
    inside,
    async setRules(rules) {
      carrier.stdin.write(`${JSON.stringify(rules.map(toRule))}\n`);
      return JSON.parse(await answer()) as RuleCounts;
    },
    async stop() {
      for (const { stdin } of [carrier, ...holders.values()]) stdin.end();
      if (carrier.exitCode === null) await once(carrier, 'exit');
    },
  };
}

/** A process that does nothing but keep a network namespace, until its stdin ends. */
async function holdNamespace(): Promise<Holder> {
  const holder = spawn('unshare', ['--net', 'sh', '-c', 'echo ready; exec cat'], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  await linesOf(holder.stdout)();
  return holder;
}

function toRule({ from, to, delayMs = 0, jitterMs = 0, loss = 0, drop = false }: DirectionRule): object {
  return { from, to, delay_ms: delayMs, jitter_ms: jitterMs, loss, drop };
}

/** Each waiting is for the next line that was not read yet. */
function linesOf(stream: Readable): () => Promise<string> {
  const lines = createInterface({ input: stream })[Symbol.asyncIterator]();
  return async () => {
    const { done, value } = await lines.next();
    if (done) throw new Error('the process ended without an answer');
    return value;
  };
}

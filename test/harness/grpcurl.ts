import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { access, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { promisify } from 'node:util';
import type { ReflectedCall, ReflectingClient, ReflectionVersion } from './reflecting-client.ts';
import { TEST_HEADERS } from './test-access.ts';

/** The newest grpcurl asks with v1 first; this older one knows only v1alpha. */
const VERSIONS: Readonly<Record<ReflectionVersion, string>> = { v1: 'v1.9.3', v1alpha: 'v1.8.6' };
const MODULE = 'github.com/fullstorydev/grpcurl/cmd/grpcurl';
const DIRECTORY = join(import.meta.dirname, '..', '..', '.stack', 'bin');
/** It runs for moments: to optimise it, and all that it is made of, takes longer than the tests that use it. */
const QUICK_BUILD = ['-gcflags=all=-N -l', '-ldflags=-s -w'];
const BUILD_DEADLINE_MS = 20 * 60_000;
const LIST_DEADLINE_MS = 10_000;

/** grpcurl, built on first use into a folder that is kept; or, in words, why there is none. */
export async function findGrpcurl(reflection: ReflectionVersion): Promise<ReflectingClient | string> {
  const version = VERSIONS[reflection];
  const binary = join(DIRECTORY, `grpcurl-${version}`, 'grpcurl');
  try {
    await access(binary).catch(() => build(version));
  } catch (error) {
    const why = error instanceof Error ? (error.message.trim().split('\n').at(-1) ?? '') : String(error);
    return `grpcurl ${version} is not there and could not be built: ${why}`;
  }
  const ask = async (address: string, ...question: string[]) => {
    const args = ['-plaintext', address, ...question];
    const { stdout } = await promisify(execFile)(binary, args, { timeout: LIST_DEADLINE_MS });
    return stdout.trim();
  };
  return {
    name: `grpcurl ${version}`,
    listServices: async (address) => (await ask(address, 'list')).split('\n'),
    async describeService(address, service) {
      const text = await ask(address, 'describe', service);
      return Array.from(text.matchAll(/^ *rpc (\w+) /gm), ([, method = '']) => method);
    },
    call: (address, method, request) => run(binary, address, method, request),
  };
}

async function build(version: string): Promise<void> {
  const directory = join(DIRECTORY, `grpcurl-${version}`);
  await mkdir(directory, { recursive: true });
  await promisify(execFile)('go', ['install', ...QUICK_BUILD, `${MODULE}@${version}`], {
    env: { ...process.env, GOBIN: directory },
    timeout: BUILD_DEADLINE_MS,
  });
}

function run(binary: string, address: string, method: string, request: unknown): ReflectedCall {
  const headers = Object.entries(TEST_HEADERS).flatMap(([name, value]) => ['-H', `${name}: ${value}`]);
  const args = ['-plaintext', ...headers, '-d', JSON.stringify(request), address, method];
  const child = spawn(binary, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  const messages: unknown[] = [];
  let unfinished = '';
  createInterface({ input: child.stdout }).on('line', (line) => {
    // Each message is an indented JSON object: its last line is the only one that is a bare brace.
    unfinished += line;
    if (line !== '}' && line !== '{}') return;
    messages.push(JSON.parse(unfinished));
    unfinished = '';
  });
  const errors = text(child.stderr);
  const ended = once(child, 'close').then(async ([exitCode]) => {
    if (exitCode === 0) return { code: 'OK', message: '' };
    const output = await errors;
    const found = /Code: (?<code>\w+)\n\s*Message: (?<message>.*)/.exec(output)?.groups;
    return {
      code: found?.['code'] ?? `exit code ${String(exitCode)}`,
      message: found?.['message'] ?? output,
    };
  });
  return {
    messages,
    ended,
    async stop() {
      child.kill('SIGKILL');
      await ended;
    },
  };
}

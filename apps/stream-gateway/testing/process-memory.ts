import type { TestContext } from 'node:test';
import { eventually } from '../../../test/harness/index.ts';
import type { AppProcess } from '../../../tools/stack/index.ts';

/** For the environment of a process that is to be looked into: its inspector listens on any free port. */
export const INSPECTED = { NODE_OPTIONS: '--inspect=127.0.0.1:0' };

/** What a process holds, after its garbage has been collected. */
export interface ProcessMemory {
  readonly heapBytes: number;
  /** Live objects by the class they were made from. */
  readonly abortSignals: number;
  readonly http2Streams: number;
  /** Open handles and requests, as `process.getActiveResourcesInfo()` names them. */
  readonly resources: number;
}

interface RemoteObject {
  readonly objectId: string;
  readonly value: unknown;
}

/** Looks into a process that was started with INSPECTED, as a debugger does. */
export async function inspectMemory(
  t: TestContext,
  app: AppProcess,
): Promise<{ look(): Promise<ProcessMemory> }> {
  const socket = new WebSocket(await eventually(() => inspectorUrl(app)));
  await new Promise((resolve, reject) => {
    socket.addEventListener('open', resolve);
    socket.addEventListener('error', reject);
  });
  t.after(() => socket.close());
  const answers = new Map<number, (result: Record<string, RemoteObject>) => void>();
  socket.addEventListener('message', ({ data }) => {
    const { id, result } = JSON.parse(String(data));
    answers.get(id)?.(result);
    answers.delete(id);
  });
  let lastId = 0;
  const ask = (method: string, params: object = {}): Promise<Record<string, RemoteObject>> =>
    new Promise((resolve) => {
      lastId += 1;
      answers.set(lastId, resolve);
      socket.send(JSON.stringify({ id: lastId, method, params }));
    });
  const evaluate = async (expression: string): Promise<RemoteObject> =>
    (await ask('Runtime.evaluate', { expression, includeCommandLineAPI: true })).result!;
  const count = async (prototype: string): Promise<number> => {
    const { objectId } = await evaluate(prototype);
    const { objects } = await ask('Runtime.queryObjects', { prototypeObjectId: objectId });
    const lengthOf = { functionDeclaration: 'function () { return this.length; }', returnByValue: true };
    const { result } = await ask('Runtime.callFunctionOn', { objectId: objects!.objectId, ...lengthOf });
    await ask('Runtime.releaseObject', { objectId: objects!.objectId });
    return Number(result!.value);
  };
  return {
    async look() {
      await ask('HeapProfiler.collectGarbage');
      const heap = await ask('Runtime.getHeapUsage');
      return {
        heapBytes: Number(heap.usedSize),
        abortSignals: await count('AbortSignal.prototype'),
        http2Streams: await count("require('node:stream').Duplex.prototype"),
        resources: Number((await evaluate('process.getActiveResourcesInfo().length')).value),
      };
    },
  };
}

function inspectorUrl(app: AppProcess): Promise<string> {
  const urls = app.logs().flatMap(({ msg }) => /ws:\/\/\S+/.exec(String(msg)) ?? []);
  if (urls[0] === undefined) throw new Error('the inspector does not listen yet');
  return Promise.resolve(urls[0]);
}

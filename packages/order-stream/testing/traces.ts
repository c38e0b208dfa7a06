import assert from 'node:assert/strict';
import diagnostics from 'node:diagnostics_channel';
import type { Socket } from 'node:net';
import type { TestContext } from 'node:test';

/** What a stream that is over might leave in this process: timers, connections, listeners on its signal. */
export interface Traces {
  /** Resolves when nothing is left of what began since the watch; fails the test when something stays. */
  areGone(): Promise<void>;
}

export function watchTraces(t: TestContext, signal: AbortSignal): Traces {
  const before = handles();
  // Idle connections keep no process alive and are in no list of handles.
  const sockets: Socket[] = [];
  const note = (opened: unknown) => void sockets.push((opened as { socket: Socket }).socket);
  diagnostics.subscribe('net.client.socket', note);
  t.after(() => diagnostics.unsubscribe('net.client.socket', note));
  let listeners = 0;
  t.mock.method(signal, 'addEventListener', (...given: Parameters<AbortSignal['addEventListener']>) => {
    listeners += 1;
    return EventTarget.prototype.addEventListener.apply(signal, given as never);
  });
  t.mock.method(signal, 'removeEventListener', (...given: Parameters<AbortSignal['addEventListener']>) => {
    listeners -= 1;
    return EventTarget.prototype.removeEventListener.apply(signal, given as never);
  });
  return {
    async areGone() {
      await until(() => handles().length <= before.length);
      assert.equal(listeners, 0);
      assert.equal(sockets.length, 1);
      await until(() => sockets.every(({ destroyed }) => destroyed));
    },
  };
}

const handles = () => process.getActiveResourcesInfo().filter((name) => /Timeout|TCPSocket/.test(name));

/** Waits for what another part of this process is about to do. */
export async function until(isSo: () => boolean): Promise<void> {
  for (let turn = 0; !isSo(); turn++) {
    assert.ok(turn < 2_000, 'it did not happen in time');
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

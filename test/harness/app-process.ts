import type { TestContext } from 'node:test';
import { startAppProcess, type AppName, type AppProcess } from '../../tools/stack/index.ts';
import { accessEnv } from './test-access.ts';

/**
 * Runs an app as a process of its own with no other settings than `env` and those of the suite's access control, and waits until it
 * has started. Its ports are chosen by the system unless `env` says otherwise. Killed after the test.
 */
export async function startApp(
  t: TestContext,
  name: AppName,
  env: Readonly<Record<string, string>>,
): Promise<AppProcess> {
  const app = await startAppProcess(name, { ...accessEnv(name, env), ...env });
  t.after(async () => {
    app.kill('SIGKILL');
    await app.exited;
  });
  return app;
}

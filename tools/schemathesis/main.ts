import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { migrateToLatest } from '@order-events/database';
import { NOT_CRASH_SAFE, startAppProcess, startEmbeddedPostgres } from '../stack/index.ts';

const REPOSITORY = join(import.meta.dirname, '..', '..');

// Starts an API of its own and sends it what its document allows and forbids. Further arguments are Schemathesis's.
const postgres = await startEmbeddedPostgres({ settings: NOT_CRASH_SAFE });
try {
  await migrateToLatest(postgres.url);
  const api = await startAppProcess('api', { DATABASE_URL: postgres.url });
  try {
    const config = join(import.meta.dirname, 'schemathesis.toml');
    const args = ['--config-file', config, 'run', `${api.urls.http}/openapi.json`, '--checks', 'all'];
    const schemathesis = spawn('.cache/python-rest/bin/schemathesis', [...args, ...process.argv.slice(2)], {
      cwd: REPOSITORY,
      stdio: 'inherit',
    });
    const [code] = (await once(schemathesis, 'close')) as [number | null];
    process.exitCode = code ?? 1;
  } finally {
    api.kill('SIGTERM');
    await api.exited;
  }
} finally {
  await postgres.stop();
}

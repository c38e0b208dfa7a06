import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { type PostgresLine, startEmbeddedPostgres } from '../stack/index.ts';

const REPOSITORY = join(import.meta.dirname, '..', '..');
/** Whatever speaks to the database first: the job, and the processes that need its tables. */
const PROGRAMS = [
  { name: 'migrate', args: ['packages/database/src/migrate-main.ts'] },
  { name: 'api', args: ['apps/api/src/main.ts'] },
  { name: 'outboxctl', args: ['apps/outboxctl/src/main.ts', 'status'] },
  // Says why it publishes nothing, and looks again.
  { name: 'relay', args: ['apps/relay/src/main.ts'], goesOn: true },
];
const START_DEADLINE_MS = 120_000;

/** Starts programs of the product on a server that is too old; answers what does not refuse it by name. */
export async function unrefusedBy(line: PostgresLine): Promise<{ asked: number; faults: string[] }> {
  const server = await startEmbeddedPostgres({ line });
  try {
    const refusal = new RegExp(`PostgreSQL ${line}\\.\\d+ is too old: this needs \\d+ or newer`);
    const faults: string[] = [];
    for (const { name, args, goesOn = false } of PROGRAMS) {
      const { failed, said } = await runProgram(args, server.url, goesOn ? refusal : undefined);
      if (!failed || !refusal.test(said))
        faults.push(`${name} does not refuse PostgreSQL ${line}: ${said.trim().slice(-600) || 'it ran'}`);
    }
    return { asked: PROGRAMS.length, faults };
  } finally {
    await server.stop();
  }
}

/** Runs it until it ends, or has said `enough`; whether it ended as a failure, or was ended for that. */
async function runProgram(
  args: string[],
  url: string,
  enough: RegExp | undefined,
): Promise<{ failed: boolean; said: string }> {
  const env = {
    ...process.env,
    DATABASE_URL: url,
    API_PORT: '0',
    API_ADMIN_PORT: '0',
    RELAY_ADMIN_PORT: '0',
  };
  const child = spawn(process.execPath, args, {
    cwd: REPOSITORY,
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: START_DEADLINE_MS,
  });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      said += text;
      if (enough?.test(said)) child.kill('SIGKILL');
    });
  }
  const [code, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null];
  return { failed: enough ? signal === 'SIGKILL' : code !== 0 && code !== null, said };
}

import { parseArgs } from 'node:util';
import { createPool, databaseAccess, requireSchema } from '@order-events/database';
import { ConfigError, reasonOf, settleWithin } from '@order-events/runtime';
import packageJson from '../package.json' with { type: 'json' };
import type { Call, Command, Flags } from './command.ts';
import { COMMANDS } from './commands/index.ts';
import { outboxctlConfig } from './config.ts';
import { openGateway } from './gateway.ts';
import { COMMON_OPTIONS, commandHelp, overview } from './help-text.ts';
import { EXIT, type ExitCode, UsageError } from './outcome.ts';
import { createTerminal, type StandardStreams } from './terminal.ts';
import { openTopic } from './topic.ts';

/** An audit reads everything there is. */
const STATEMENT_TIMEOUT_MS = 60 * 60_000;
const INTERRUPTED_GRACE_MS = 500;
const INSUFFICIENT_PRIVILEGE = '42501';
const RIGHTS_HINT = '; what the database role needs is in ops/postgres/rights.sql';

/** What a command finds where it is run; `process` has it all. */
export interface Surroundings extends StandardStreams {
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** Runs one command line and answers its exit code. Never rejects: what went wrong is a line on stderr. */
export async function runCommandLine(
  argv: readonly string[],
  surroundings: Surroundings,
  signal: AbortSignal,
): Promise<ExitCode> {
  const { stderr } = surroundings;
  const running = run(argv, surroundings, signal);
  try {
    await Promise.race([running, interruption(signal)]);
    // A command that waits tells what it leaves behind; a statement on its way to the server cannot be waited for.
    await settleWithin(running, INTERRUPTED_GRACE_MS);
    signal.throwIfAborted();
    return await running;
  } catch (error) {
    running.catch(() => undefined);
    if (signal.aborted) {
      stderr.write('interrupted\n');
      return EXIT.interrupted;
    }
    stderr.write(`outboxctl: ${reasonOf(error)}${isRefused(error) ? RIGHTS_HINT : ''}\n`);
    return error instanceof UsageError || error instanceof ConfigError ? EXIT.usage : EXIT.failed;
  }
}

function isRefused(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === INSUFFICIENT_PRIVILEGE;
}

function interruption(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

async function run(
  argv: readonly string[],
  surroundings: Surroundings,
  signal: AbortSignal,
): Promise<ExitCode> {
  const { stdout, stderr } = surroundings;
  const [first] = argv;
  if (first === undefined || first === '--help' || first === 'help') {
    const out = first === undefined ? stderr : stdout;
    out.write(`${overview(COMMANDS)}\n`);
    return first === undefined ? EXIT.usage : EXIT.ok;
  }
  if (first === '--version') {
    stdout.write(`${packageJson.version}\n`);
    return EXIT.ok;
  }
  const command = findCommand(argv);
  const { flags, positionals } = parse(command, argv.slice(command.name.split(' ').length));
  if (flags.isSet('help')) {
    stdout.write(`${commandHelp(command)}\n`);
    return EXIT.ok;
  }
  return withConnections(command, { flags, positionals, signal }, surroundings);
}

function findCommand(argv: readonly string[]): Command {
  const [first = '', second = ''] = argv;
  const found =
    COMMANDS.find(({ name }) => name === `${first} ${second}`) ?? COMMANDS.find(({ name }) => name === first);
  if (found) return found;
  const group = COMMANDS.filter(({ name }) => name.startsWith(`${first} `));
  if (group.length > 0) {
    throw new UsageError(`"${first}" needs one of: ${group.map(({ name }) => name).join(', ')}`);
  }
  throw new UsageError(`no such command: "${first}"; outboxctl --help lists them`);
}

function parse(command: Command, args: readonly string[]): { flags: Flags; positionals: readonly string[] } {
  try {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: Object.fromEntries(
        Object.entries({ ...command.options, ...COMMON_OPTIONS }).map(([name, { type }]) => [name, { type }]),
      ),
    });
    if (positionals.length > (command.maxPositionals ?? 0)) {
      throw new UsageError(`unexpected argument "${positionals[command.maxPositionals ?? 0]}"`);
    }
    return { flags: flagsOf(values), positionals };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new UsageError(`${reason}\nsee: outboxctl ${command.name} --help`, { cause: error });
  }
}

function flagsOf(values: Readonly<Record<string, unknown>>): Flags {
  return {
    text(name) {
      const value = values[name];
      return typeof value === 'string' ? value : undefined;
    },
    isSet: (name) => values[name] !== undefined && values[name] !== false,
  };
}

async function withConnections(
  command: Command,
  request: Pick<Call, 'flags' | 'positionals' | 'signal'>,
  surroundings: Surroundings,
): Promise<ExitCode> {
  const { flags } = request;
  const config = outboxctlConfig(surroundings.env);
  const access = databaseAccess(config);
  for (const warning of access.warnings) surroundings.stderr.write(`outboxctl: ${warning}\n`);
  const pool = createPool({
    // Past a pooler, whose limits would cut an audit off.
    url: access.directUrl,
    applicationName: 'outboxctl',
    maxConnections: 2,
    statementTimeoutMs: STATEMENT_TIMEOUT_MS,
    // The statement in flight rejects by itself.
    onConnectionError: () => {},
  });
  const topic = openTopic(config);
  const gateway = openGateway(config);
  const terminal = createTerminal(surroundings, { json: flags.isSet('json'), yes: flags.isSet('yes') });
  const call: Call = {
    ...request,
    terminal,
    config,
    pool,
    topic,
    gateway,
  };
  try {
    if (!command.needsNoDatabase) await requireSchema(pool);
    return await command.run(call);
  } finally {
    topic.close();
    gateway.close();
    await pool.end();
  }
}

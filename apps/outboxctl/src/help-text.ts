import type { Command, OptionSpec } from './command.ts';

/** Options that every command takes. */
export const COMMON_OPTIONS: Readonly<Record<string, OptionSpec>> = {
  json: { type: 'boolean', help: 'print JSON for programs instead of a table' },
  yes: { type: 'boolean', help: 'do not ask before doing what cannot be undone' },
  help: { type: 'boolean', help: 'show this help' },
};

/** Examples first: most people look for one line to copy. */
export function overview(commands: readonly Command[]): string {
  const width = Math.max(...commands.map((command) => call(command).length));
  return [
    'Looks after the outbox, the relays and the topic of order events.',
    '',
    'Usage: outboxctl <command> [options]',
    '',
    'Commands:',
    ...commands.map((command) => `  ${call(command).padEnd(width)}  ${command.summary}`),
    '',
    'Options:',
    ...optionLines({ ...COMMON_OPTIONS, version: { type: 'boolean', help: 'show the version' } }),
    '',
    'Settings are read from the environment, under the names that the relay reads: DATABASE_URL,',
    'DATABASE_DIRECT_URL, KAFKA_BROKERS, KAFKA_TOPIC, KAFKA_TLS*, KAFKA_SASL_*, RELAY_LEASE_MS;',
    'for held: OUTBOXCTL_GATEWAY, OUTBOXCTL_GATEWAY_TOKEN (or …_TOKEN_FILE), OUTBOXCTL_GATEWAY_CA_FILE.',
    '',
    'Exit codes: 0 ok · 1 unhealthy, or it failed · 2 wrong usage or settings · 130 interrupted.',
    'outboxctl <command> --help tells more; docs/outboxctl.md tells all.',
  ].join('\n');
}

export function commandHelp(command: Command): string {
  return [
    `${command.summary}.`,
    '',
    `Usage: outboxctl ${call(command)} [options]`,
    '',
    ...command.examples.map((example) => `  outboxctl ${example}`),
    '',
    command.details,
    '',
    'Options:',
    ...optionLines({ ...command.options, ...COMMON_OPTIONS }),
  ].join('\n');
}

function call(command: Command): string {
  return command.synopsis === undefined ? command.name : `${command.name} ${command.synopsis}`;
}

function optionLines(options: Readonly<Record<string, OptionSpec>>): string[] {
  const left = Object.entries(options).map(([name, { value }]) => `--${name}${value ? ` <${value}>` : ''}`);
  const width = Math.max(...left.map((text) => text.length));
  return Object.values(options).map(({ help }, index) => `  ${left[index]?.padEnd(width)}  ${help}`);
}

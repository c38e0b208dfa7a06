import type { createPool } from '@order-events/database';
import type { OutboxctlConfig } from './config.ts';
import type { Gateway } from './gateway.ts';
import type { ExitCode } from './outcome.ts';
import type { Terminal } from './terminal.ts';
import type { Topic } from './topic.ts';

export interface OptionSpec {
  readonly type: 'string' | 'boolean';
  /** What the value is, as the help shows it. */
  readonly value?: string;
  readonly help: string;
}

export interface Flags {
  text(name: string): string | undefined;
  isSet(name: string): boolean;
}

/** One run of a command. Nothing is connected before the command asks. */
export interface Call {
  readonly positionals: readonly string[];
  readonly flags: Flags;
  readonly terminal: Terminal;
  readonly config: OutboxctlConfig;
  /** What the tables are asked on. */
  readonly pool: ReturnType<typeof createPool>;
  readonly topic: Topic;
  readonly gateway: Gateway;
  /** Aborts on Ctrl-C. */
  readonly signal: AbortSignal;
}

export interface Command {
  /** As it is typed: `status`, `parked list`. */
  readonly name: string;
  /** Its arguments, as the help shows them. */
  readonly synopsis?: string;
  readonly maxPositionals?: number;
  /** It does not look at the tables. */
  readonly needsNoDatabase?: boolean;
  readonly summary: string;
  readonly details: string;
  readonly options?: Readonly<Record<string, OptionSpec>>;
  readonly examples: readonly string[];
  run(call: Call): Promise<ExitCode>;
}

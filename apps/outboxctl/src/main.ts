#!/usr/bin/env node
import { runCommandLine } from './command-line.ts';

const interruption = new AbortController();
for (const name of ['SIGINT', 'SIGTERM'] as const) {
  process.on(name, () => {
    // Every statement is a transaction of its own or part of one, so an end in the middle leaves nothing half done.
    if (interruption.signal.aborted) process.exit(130);
    interruption.abort(new Error('interrupted'));
  });
}
process.exitCode = await runCommandLine(process.argv.slice(2), process, interruption.signal);
// A statement that was on its way would keep the process until the server has answered.
if (interruption.signal.aborted) process.exit();

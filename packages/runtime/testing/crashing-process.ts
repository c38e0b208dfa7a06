import { createLogger, runProcess } from '../src/index.ts';

/** Logs more than a pipe holds, and then fails without anybody having thought of it. */
await runProcess(() => {
  const log = createLogger({ service: 'crashing', level: 'info' });
  const start = () => {
    for (let number = 0; number < 2_000; number += 1) log.info({ number }, 'x'.repeat(100));
    setTimeout(() => {
      throw new Error('nobody thought of this');
    });
    return Promise.resolve({ stop: () => Promise.resolve() });
  };
  return { log, stopDeadlineMs: 1_000, start };
});

import { createBackoff, ConfigError, reasonOf, sleep } from '@order-events/runtime';
import { isDatabaseAway } from './database-away.ts';
import { type MigrateConfig, migrateConfig } from './migrate-config.ts';
import { migrateToLatest } from './migrator.ts';

// One-shot job: waits for the server, applies what is missing, ends with 0; 1 when it cannot; 78 when it is configured wrongly.
try {
  const config = migrateConfig();
  for (const warning of config.warnings) console.error(warning);
  const applied = await migrateWhenUp(config);
  console.log(applied.length > 0 ? `applied ${applied.join(', ')}` : 'the schema is current');
} catch (error) {
  console.error(`not migrated: ${reasonOf(error)}`);
  process.exitCode = error instanceof ConfigError ? 78 : 1;
}

async function migrateWhenUp(config: MigrateConfig): Promise<string[]> {
  const giveUpAtMs = performance.now() + config.waitMs;
  const backoff = createBackoff({ baseMs: 100, maxMs: 1_000 });
  for (;;) {
    try {
      return await migrateToLatest(config.url);
    } catch (error) {
      if (!isDatabaseAway(error)) throw error;
      if (performance.now() >= giveUpAtMs) {
        const reason = `the database did not answer within ${config.waitMs} ms (${reasonOf(error)})`;
        throw new Error(reason, { cause: error });
      }
      await sleep(backoff.nextDelayMs());
    }
  }
}

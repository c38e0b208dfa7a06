import { createBackoff, ConfigError, sleep } from '@order-events/runtime';
import { type MigrateConfig, migrateConfig } from './migrate-config.ts';
import { migrateToLatest } from './migrator.ts';
import { isDatabaseAway } from './pool.ts';

// One-shot job: waits for the server, applies what is missing, ends with 0; 1 when it cannot; 78 when it is configured wrongly.
try {
  const applied = await migrateWhenUp(migrateConfig());
  console.log(applied.length > 0 ? `applied ${applied.join(', ')}` : 'the schema is current');
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = error instanceof ConfigError ? 78 : 1;
}

async function migrateWhenUp(config: MigrateConfig): Promise<string[]> {
  const giveUpAtMs = performance.now() + config.waitMs;
  const backoff = createBackoff({ baseMs: 100, maxMs: 1_000 });
  for (;;) {
    try {
      return await migrateToLatest(config.url);
    } catch (error) {
      if (!isDatabaseAway(error) || performance.now() >= giveUpAtMs) throw error;
      await sleep(backoff.nextDelayMs());
    }
  }
}

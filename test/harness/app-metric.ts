import type { AppProcess } from '../../tools/stack/index.ts';
import { TEST_HEADERS } from './test-access.ts';

/** What an app counts under this name, over all labels. Throws when there is no such metric. */
export async function metricOf(
  app: { readonly urls: Pick<AppProcess['urls'], 'admin'> },
  name: string,
): Promise<number> {
  const answer = await fetch(`${app.urls.admin}/metrics`, { headers: TEST_HEADERS });
  const metrics = await answer.text();
  const samples = [...metrics.matchAll(/^(\w+)(?:\{[^}]*\})? (\S+)$/gm)].filter(
    ([, found]) => found === name,
  );
  if (samples.length === 0) throw new Error(`there is no metric ${name}`);
  return samples.reduce((sum, [, , value]) => sum + Number(value), 0);
}

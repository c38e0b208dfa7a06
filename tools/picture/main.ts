import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { startOrderLoad } from '../load/order-load.ts';
import { type Browser, startBrowser } from '../stack/browser.ts';
import { startOrderSystem } from '../stack/order-system.ts';

const FILE = 'docs/live-page.png';
/** Long enough for half of the plot. */
const LOAD_MS = 60_000;
const RATE = { workers: 12, changesPerSecond: 40 };

const system = await startOrderSystem({ onStep: (step) => console.log(`starting ${step}`) });
let browser: Browser | undefined;
try {
  browser = await startBrowser();
  const page = await browser.open(`${system.gateway.urls.grpcWeb}/`);
  console.log(`placing orders for ${LOAD_MS / 1000} s`);
  const load = startOrderLoad({ apiUrl: system.api.urls.http, token: system.token, ...RATE });
  await pause(LOAD_MS);
  const picture = await page.picture({ width: 1100, height: 880, colorScheme: 'light' });
  await load.stop();
  if (page.complaints.length > 0) throw new Error(`the page complains: ${page.complaints.join('; ')}`);
  await writeFile(join(import.meta.dirname, '..', '..', FILE), picture);
  console.log(`${FILE}: ${Math.round(picture.length / 1024)} kB`);
} finally {
  await browser?.close();
  await system.stop();
}

import type { TestContext } from 'node:test';
import { type BrowserPage, startBrowser } from '../../tools/stack/browser.ts';

export type { BrowserPage } from '../../tools/stack/browser.ts';

/** Opens a page in a real browser without windows; both end with the test. */
export async function openInBrowser(t: TestContext, url: string): Promise<BrowserPage> {
  const browser = await startBrowser();
  t.after(() => browser.close());
  return browser.open(url);
}

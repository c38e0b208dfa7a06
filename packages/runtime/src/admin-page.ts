import { settleWithin } from './deadline.ts';
import { html } from './html.ts';

/** A page of the admin port, for people. It is only read: an operator changes things by commands. */
export interface AdminPage {
  /** Starts with a slash. */
  readonly path: string;
  /** What is behind it, for the list at `/`. */
  readonly title: string;
  /** May reject. Whoever does not answer within the deadline is answered for; what comes later is dropped. */
  render(): AdminAnswer | Promise<AdminAnswer>;
}

export interface AdminAnswer {
  readonly status?: number;
  readonly body: string;
  readonly contentType: string;
  readonly headers?: Readonly<Record<string, string>>;
}

const PAGE_TIMEOUT_MS = 2_000;
/** No page may be framed, sniffed, cached, or load anything; a page that needs more says so itself. */
const SAFE_HEADERS = {
  'content-security-policy':
    "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cache-control': 'no-store',
};

/** Renders a page within its deadline: 503 when it takes longer, 500 when it rejects. The error goes to `onError` only. */
export async function renderPage(
  page: AdminPage,
  onError: (error: unknown) => void,
  timeoutMs = PAGE_TIMEOUT_MS,
): Promise<AdminAnswer> {
  let answer = plainText(503, 'this page takes too long\n');
  const rendering = Promise.resolve()
    .then(() => page.render())
    .then(
      (rendered) => (answer = { ...rendered, headers: { ...SAFE_HEADERS, ...rendered.headers } }),
      (error: unknown) => {
        onError(error);
        answer = plainText(500, 'this page failed; the log has the reason\n');
      },
    );
  await settleWithin(rendering, timeoutMs);
  return answer;
}

export function plainText(status: number, body: string): AdminAnswer {
  return { status, body, contentType: 'text/plain; charset=utf-8', headers: SAFE_HEADERS };
}

/** The list of everything that the port answers. */
export function indexPage(pages: readonly Pick<AdminPage, 'path' | 'title'>[]): AdminAnswer {
  const items = pages.map(({ path, title }) => html`<li><a href="${path}">${path}</a> ${title}</li> `);
  const body = html`<!doctype html>
    <html lang="en">
      <meta charset="utf-8" />
      <meta name="viewport" content="width=device-width" />
      <meta name="color-scheme" content="light dark" />
      <title>Admin</title>
      <ul>
        ${items}
      </ul>
    </html> `;
  return { body: String(body), contentType: 'text/html; charset=utf-8', headers: SAFE_HEADERS };
}

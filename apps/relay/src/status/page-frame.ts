import { createHash } from 'node:crypto';
import { type AdminAnswer, Html, html } from '@order-events/runtime';

const STYLE = `
:root { color-scheme: light dark;
  --text: light-dark(#1c2024, #d9dce0); --soft: light-dark(#667079, #8b949e); --page: light-dark(#fbfbfa, #14171a);
  --line: light-dark(#e3e5e8, #2a2f35); --plot: light-dark(#3b6ea8, #7aa7d9); --area: light-dark(#3b6ea822, #7aa7d926);
  --warn: light-dark(#8a5300, #e0a84c); --warn-page: light-dark(#fff6e5, #2b2314);
  --bad: light-dark(#a3242a, #f0888c); --bad-page: light-dark(#fdeeee, #2f1b1d); }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 28px 24px 64px; max-width: 1180px; background: var(--page); color: var(--text);
  font: 14px/1.45 system-ui, sans-serif; font-variant-numeric: tabular-nums; }
header { display: flex; flex-wrap: wrap; gap: 4px 20px; align-items: baseline; margin-bottom: 20px; }
h1 { font-size: 20px; font-weight: 600; margin: 0; }
h2 { font-size: 12px; font-weight: 600; letter-spacing: .04em; text-transform: uppercase; color: var(--soft); margin: 30px 0 6px; }
nav { margin-left: auto; display: flex; gap: 14px; }
a { color: inherit; text-decoration-color: var(--soft); text-underline-offset: 3px; }
.soft { color: var(--soft); }
code, .id { font: 12.5px/1.45 ui-monospace, monospace; overflow-wrap: anywhere; }
.note { border-left: 3px solid var(--warn); background: var(--warn-page); padding: 8px 14px; margin: 8px 0; }
.note.worst { border-color: var(--bad); background: var(--bad-page); }
.note b { color: var(--warn); font-weight: 600; } .note.worst b { color: var(--bad); }
.note code { display: block; margin-top: 3px; user-select: all; }
.figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(148px, 1fr)); gap: 1px; background: var(--line);
  border: 1px solid var(--line); margin: 16px 0 0; }
.figures > div { background: var(--page); padding: 10px 14px 12px; }
dt { color: var(--soft); font-size: 12.5px; } dd { margin: 0; font-size: 21px; } dd small { font-size: 13px; color: var(--soft); }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; }
th { text-align: left; font-weight: 500; font-size: 12.5px; color: var(--soft); white-space: nowrap; }
th, td { padding: 5px 16px 5px 0; border-bottom: 1px solid var(--line); vertical-align: middle; }
.number { text-align: right; white-space: nowrap; }
.plot { display: block; width: 120px; height: 22px; } .figures .plot { width: 100%; margin-top: 6px; }
td.plotted { width: 136px; }
line { stroke: var(--line); vector-effect: non-scaling-stroke; }
polyline { fill: none; stroke: var(--plot); stroke-width: 1.25; vector-effect: non-scaling-stroke; } polygon { fill: var(--area); }
.warn { color: var(--warn); } .bad { color: var(--bad); }
.lost { display: none; } [data-lost] .lost { display: inline; } [data-lost] main { opacity: .45; }
`;

/** Fetches the page again and puts in what is new; without scripts the browser loads the page again by itself. */
const SCRIPT = `
const refresh = async () => {
  if (document.hidden) return;
  try {
    const answer = await fetch(location.href, { signal: AbortSignal.timeout(4000) });
    if (!answer.ok) throw new Error(answer.statusText);
    const page = new DOMParser().parseFromString(await answer.text(), 'text/html');
    document.querySelector('main').replaceWith(page.querySelector('main'));
    delete document.body.dataset.lost;
  } catch { document.body.dataset.lost = 'yes'; }
};
setInterval(refresh, 2000);
document.addEventListener('visibilitychange', refresh);
`;

const POLICY = [
  "default-src 'none'",
  `style-src ${sourceHash(STYLE)}`,
  `script-src ${sourceHash(SCRIPT)}`,
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

/** One page around `main`: style and script are part of it, and nothing else may be loaded or run. */
export function pageAnswer(title: string, heading: Html, main: Html): AdminAnswer {
  const style = new Html(`<style>${STYLE}</style>`);
  const script = new Html(`<script>${SCRIPT}</script>`);
  const page = html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>${title}</title>
        <noscript><meta http-equiv="refresh" content="5" /></noscript>
        ${style}
      </head>
      <body>
        ${heading}
        <main>${main}</main>
        ${script}
      </body>
    </html> `;
  return {
    body: String(page),
    contentType: 'text/html; charset=utf-8',
    headers: { 'content-security-policy': POLICY },
  };
}

function sourceHash(text: string): string {
  return `'sha256-${createHash('sha256').update(text).digest('base64')}'`;
}

/**
 * @import { createOrderBoard, BoardOrder } from './order-board.js'
 * @import { OrderStatus } from './order-stream.js'
 */

/** Orders that a column shows. */
const SHOWN = 8;

/**
 * Draws one column for each status. An order that is still there keeps its line, so that only what is new stands out.
 * @param {Document} page
 * @param {readonly OrderStatus[]} statuses
 */
export function createBoardView(page, statuses) {
  const columns = statuses.map((status) => {
    const name = status.replace('ORDER_STATUS_', '').toLowerCase();
    const [section, title, count, list] = ['section', 'h3', 'span', 'ol'].map((tag) =>
      page.createElement(tag),
    );
    if (!section || !title || !count || !list) throw new Error('a document makes elements');
    title.id = `status-${name}`;
    section.setAttribute('aria-labelledby', title.id);
    count.textContent = '0';
    title.append(name, ' ', count);
    section.append(title, list);
    /** @type {Map<string, Element>} */
    const lines = new Map();
    return { status, section, count, list, lines };
  });
  page.getElementById('board')?.replaceChildren(...columns.map(({ section }) => section));

  return {
    /** @param {ReturnType<typeof createOrderBoard>} board */
    draw(board) {
      for (const { status, count, list, lines } of columns) {
        const text = board.count(status).toLocaleString();
        if (count.textContent !== text) count.textContent = text;
        showLines(
          list,
          board.newest(status, SHOWN).map((order) => lines.get(keyOf(order)) ?? lineOf(page, order)),
        );
        lines.clear();
        for (const line of list.children) lines.set(line.id, line);
      }
    },
  };
}

/**
 * Those that stay are not touched: what is taken out and put in again would look new.
 * @param {HTMLElement} list
 * @param {readonly Element[]} wanted
 */
function showLines(list, wanted) {
  for (const line of [...list.children]) if (!wanted.includes(line)) line.remove();
  wanted.forEach((line, index) => {
    const there = list.children[index];
    if (there !== line) list.insertBefore(line, there ?? null);
  });
}

/** @param {BoardOrder} order */
function keyOf({ orderId, version }) {
  return `${orderId}-${version}`;
}

/** @param {Document} page @param {BoardOrder} order */
function lineOf(page, order) {
  const { orderId, version } = order;
  const line = page.createElement('li');
  line.id = keyOf(order);
  const id = page.createElement('span');
  // The end of an id differs most: those of one moment begin alike.
  id.textContent = `…${orderId.slice(-8)}`;
  id.title = orderId;
  const versionText = page.createElement('span');
  versionText.className = 'version';
  versionText.textContent = `v${version}`;
  line.append(id, ' ', versionText);
  return line;
}

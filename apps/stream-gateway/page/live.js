import { createBoardView } from './board-view.js';
import { createDelayPlot, durationText } from './delay-plot.js';
import { createDelayRecord } from './delay-record.js';
import { createOrderBoard } from './order-board.js';
import { OrderStatus, OrderStreamError, watchOrders } from './order-stream.js';
import { createStreamState } from './stream-state.js';

// The page draws a few times a second whatever comes, and keeps a bounded part of it: a flood costs decoding and no more.

/** @import { WatchOrdersResponse } from './order-stream.js' */

const DRAW_EVERY_MS = 200;
const HEARTBEAT_MS = 2_000;
const STATUSES = [
  OrderStatus.PENDING,
  OrderStatus.CONFIRMED,
  OrderStatus.PROCESSING,
  OrderStatus.SHIPPED,
  OrderStatus.DELIVERED,
  OrderStatus.CANCELLED,
];

const board = createOrderBoard();
const delays = createDelayRecord();
const state = createStreamState();
const boardView = createBoardView(document, STATUSES);
const plot = createDelayPlot(document);
let total = 0;
let isPaused = false;
let drawnMs = 0;
/** Kept here alone. @type {string | undefined} */
let token;

/** @param {string} id */
function byId(id) {
  const found = document.getElementById(id);
  if (!found) throw new Error(`live.html has no ${id}`);
  return found;
}

/** Screen readers are told of what changes only. @param {string} id @param {string} text */
function write(id, text) {
  const element = byId(id);
  if (element.textContent !== text) element.textContent = text;
}

/** @param {WatchOrdersResponse} message */
function take(message) {
  const nowMs = Date.now();
  state.note(message, nowMs);
  for (const event of message.events) {
    board.add(event);
    delays.note(event, nowMs);
  }
  total += message.events.length;
}

async function watch() {
  state.connecting();
  byId('access').hidden = true;
  /** @param {unknown} cause @param {number} retryDelayMs */
  const onInterruption = (cause, retryDelayMs) => state.interrupted(cause, Date.now() + retryDelayMs);
  const given = token;
  const options = {
    address: location.origin,
    allowGap: true,
    heartbeatIntervalMs: HEARTBEAT_MS,
    onInterruption,
  };
  try {
    for await (const message of watchOrders(given ? { ...options, token: () => given } : options))
      take(message);
  } catch (error) {
    state.refused(error);
    const isOfAccess = error instanceof OrderStreamError && error.reason?.startsWith('ACCESS_');
    if (isOfAccess) askForToken(error.message);
  }
}

/** @param {string} why */
function askForToken(why) {
  token = undefined;
  write('access-why', why);
  byId('access').hidden = false;
  byId('token').focus();
}

function drawState() {
  const nowMs = Date.now();
  const { level, text } = state.headline();
  byId('headline').dataset['level'] = level;
  write('headline', text);
  const through = state.completeThrough();
  const ago = through && ` (${durationText(nowMs - through.getTime())} ago, by the clocks of both)`;
  write('complete', through ? `${through.toLocaleTimeString()}${ago}` : 'not known');
  write('rate', delays.rate(nowMs).toLocaleString());
  write('total', total.toLocaleString());
  const lastMs = state.lastMessageMs();
  write('last-message', lastMs === undefined ? 'none yet' : `${Math.floor((nowMs - lastMs) / 1000)} s ago`);
  drawTroubles(state.troubles(nowMs));
}

/** @param {readonly string[]} troubles */
function drawTroubles(troubles) {
  const texts = troubles.length > 0 ? troubles : ['Nothing'];
  const list = byId('troubles');
  if (texts.join('\n') === [...list.children].map(({ textContent }) => textContent).join('\n')) return;
  const items = texts.map((text) => {
    const item = document.createElement('li');
    item.textContent = text;
    return item;
  });
  list.replaceChildren(...items);
}

/** @param {number} frameMs */
function draw(frameMs) {
  requestAnimationFrame(draw);
  if (frameMs - drawnMs < DRAW_EVERY_MS) return;
  drawnMs = frameMs;
  // What is wrong is told also while the display stands still.
  drawState();
  if (isPaused) return;
  const nowMs = Date.now();
  const points = delays.points(nowMs);
  plot.draw(points, nowMs);
  plot.describe(points.at(-1));
  boardView.draw(board);
}

byId('pause').addEventListener('click', () => {
  isPaused = !isPaused;
  byId('pause').setAttribute('aria-pressed', String(isPaused));
});

byId('access').addEventListener('submit', (event) => {
  event.preventDefault();
  const field = byId('token');
  if (!(field instanceof HTMLInputElement)) return;
  token = field.value.trim();
  field.value = '';
  void watch();
});

requestAnimationFrame(draw);
void watch();

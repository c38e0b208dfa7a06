/** @import { DelayPoint } from './delay-record.js' */

const WIDTH = 720;
const HEIGHT = 180;
const LEFT = 60;
const TOP = 10;
const BOTTOM = 20;
/** The upper end of the plot, in milliseconds, is one of these. */
const CEILINGS = [20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 30_000, 60_000, 300_000, 3_600_000];
const SVG = 'http://www.w3.org/2000/svg';

/** Draws delays into the elements of live.html. @param {Document} page */
export function createDelayPlot(page, { seconds = 120 } = {}) {
  const pathOf = (/** @type {string} */ name) => page.getElementById(`plot-${name}`);
  const paths = /** @type {const} */ (['change', 'log', 'worst']).map((series) => ({
    series,
    path: pathOf(series),
  }));
  const grid = page.getElementById('plot-grid');
  const words = page.getElementById('delay-words');
  let ceilingMs = 0;

  /** @param {number} ms */
  const yOf = (ms) => HEIGHT - BOTTOM - (Math.max(0, ms) / ceilingMs) * (HEIGHT - TOP - BOTTOM);

  function drawGrid() {
    const lines = [0, 0.5, 1].flatMap((share) => {
      const y = yOf(share * ceilingMs);
      const line = element(page, 'line', { x1: LEFT, x2: WIDTH, y1: y, y2: y });
      const text = element(page, 'text', { x: LEFT - 6, y: y + 4, 'text-anchor': 'end' });
      text.textContent = durationText(share * ceilingMs);
      return [line, text];
    });
    const ages = [seconds, seconds / 2, 0].map((age) => {
      const x = LEFT + (1 - age / seconds) * (WIDTH - LEFT);
      const anchor = age === 0 ? 'end' : age === seconds ? 'start' : 'middle';
      const text = element(page, 'text', { x, y: HEIGHT - 5, 'text-anchor': anchor });
      text.textContent = age === 0 ? 'now' : `${age} s ago`;
      return text;
    });
    grid?.replaceChildren(...lines, ...ages);
  }

  return {
    /** @param {readonly DelayPoint[]} points oldest first @param {number} nowMs */
    draw(points, nowMs) {
      const slowest = Math.max(0, ...points.map(({ worst }) => worst));
      const ceiling = CEILINGS.find((candidate) => candidate >= slowest) ?? slowest;
      if (ceiling !== ceilingMs) {
        ceilingMs = ceiling;
        drawGrid();
      }
      const xOf = (/** @type {number} */ second) =>
        LEFT + (1 - (nowMs / 1000 - second) / seconds) * (WIDTH - LEFT);
      for (const { series, path } of paths) {
        const places = points.map((point, index) => {
          // A line over seconds without events would tell delays that nobody had.
          const isNext = points[index - 1]?.second === point.second - 1;
          const place = `${xOf(point.second).toFixed(1)} ${yOf(point[series]).toFixed(1)}`;
          return isNext ? `L${place}` : `M${place}h1`;
        });
        path?.setAttribute('d', places.join(''));
      }
    },
    /** @param {DelayPoint | undefined} last */
    describe(last) {
      if (!words || !last) return;
      const parts = [
        `Last second with events: ${durationText(last.change)} from the change, ${durationText(last.log)} from the topic,`,
        `${durationText(last.worst)} the slowest.`,
      ];
      if (last.change < 0) parts.push('Below zero: the clocks differ.');
      words.textContent = parts.join(' ');
    },
  };
}

/** @param {number} ms */
export function durationText(ms) {
  const rounded = Math.round(ms);
  return Math.abs(rounded) < 10_000 ? `${rounded} ms` : `${(ms / 1000).toFixed(0)} s`;
}

/** @param {Document} page @param {string} name @param {Readonly<Record<string, string | number>>} attributes */
function element(page, name, attributes) {
  const made = page.createElementNS(SVG, name);
  for (const [attribute, value] of Object.entries(attributes)) made.setAttribute(attribute, String(value));
  return made;
}

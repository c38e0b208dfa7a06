import { type Html, html } from '@order-events/runtime';

const WIDTH = 120;
const HEIGHT = 22;

export interface SparklineOptions {
  /** Oldest first. */
  readonly values: readonly number[];
  /** The value at the upper edge: shared by the plots that are to be compared. */
  readonly top: number;
  /** Samples that the whole width stands for; fewer values begin further to the right. */
  readonly samples: number;
  /** What it shows, for those who cannot see it. */
  readonly label: string;
}

/** A small plot without axes, as inline SVG. */
export function sparkline({ values, top, samples, label }: SparklineOptions): Html {
  const stepX = WIDTH / Math.max(1, samples - 1);
  const scaleY = (HEIGHT - 2) / Math.max(top, 1e-9);
  const points = values.map((value, index) => {
    const x = WIDTH - (values.length - 1 - index) * stepX;
    const y = HEIGHT - 1 - Math.min(value, top) * scaleY;
    return `${x.toFixed(1)},${y.toFixed(1)}`;
  });
  const left = (WIDTH - (values.length - 1) * stepX).toFixed(1);
  const area = `${left},${HEIGHT} ${points.join(' ')} ${WIDTH},${HEIGHT}`;
  return html`<svg
    class="plot"
    viewBox="0 0 ${WIDTH} ${HEIGHT}"
    preserveAspectRatio="none"
    role="img"
    aria-label="${label}"
  >
    ${
      points.length > 1
        ? html`<polygon points="${area}" /><polyline points="${points.join(' ')}" />`
        : undefined
    }
  </svg>`;
}

/**
 * Of the events that came within one second: milliseconds until they were here.
 * @typedef {{ readonly second: number, readonly events: number, readonly change: number, readonly log: number, readonly worst: number }} DelayPoint
 * @typedef {{ second: number, events: number, changes: number[], logs: number[], worst: number }} Bucket
 */

/** So many of a second are enough for its median; the others only count. */
const SAMPLES = 500;

/** The delays of the last seconds, by the second. */
export function createDelayRecord({ seconds = 120 } = {}) {
  /** Oldest first. @type {Bucket[]} */
  const buckets = [];

  /** @param {number} nowMs */
  function bucketOf(nowMs) {
    const second = Math.floor(nowMs / 1000);
    const last = buckets.at(-1);
    // A clock that was set back goes on in the same second.
    if (last && last.second >= second) return last;
    const bucket = { second, events: 0, changes: [], logs: [], worst: Number.NEGATIVE_INFINITY };
    buckets.push(bucket);
    if (buckets.length > seconds) buckets.shift();
    return bucket;
  }

  return {
    /**
     * @param {{ readonly occurTime?: Date | undefined, readonly logTime?: Date | undefined }} event
     * @param {number} nowMs
     */
    note({ occurTime, logTime }, nowMs) {
      const bucket = bucketOf(nowMs);
      bucket.events += 1;
      if (!occurTime || !logTime) return;
      const sinceChange = nowMs - occurTime.getTime();
      bucket.worst = Math.max(bucket.worst, sinceChange);
      if (bucket.changes.length === SAMPLES) return;
      bucket.changes.push(sinceChange);
      bucket.logs.push(nowMs - logTime.getTime());
    },
    /**
     * Of the seconds that have events, oldest first.
     * @param {number} nowMs
     * @returns {DelayPoint[]}
     */
    points(nowMs) {
      const oldest = Math.floor(nowMs / 1000) - seconds;
      return buckets
        .filter(({ second, changes }) => second > oldest && changes.length > 0)
        .map(({ second, events, changes, logs, worst }) => ({
          ...{ second, events, worst },
          change: medianOf(changes),
          log: medianOf(logs),
        }));
    },
    /**
     * Events of the last whole second.
     * @param {number} nowMs
     */
    rate(nowMs) {
      const second = Math.floor(nowMs / 1000) - 1;
      return buckets.findLast((bucket) => bucket.second === second)?.events ?? 0;
    },
  };
}

/** @param {readonly number[]} values */
function medianOf(values) {
  return values.toSorted((one, other) => one - other)[Math.floor(values.length / 2)] ?? Number.NaN;
}

/** `performance.now()` counts from the start of each process; this is the distance to the machine's own clock. */
const originMs = Number(process.hrtime.bigint()) / 1e6 - performance.now();

/** Milliseconds on a clock that all processes of this machine share and that nobody sets. */
export function monotonicMs(): number {
  return originMs + performance.now();
}

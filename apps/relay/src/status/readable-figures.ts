const NUMBER = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 });

/** 12,345 */
export function count(value: number | bigint): string {
  return NUMBER.format(value);
}

/** Events per second: one decimal where it matters. */
export function rate(perSecond: number): string {
  if (perSecond === 0) return '0';
  return perSecond < 10 ? perSecond.toFixed(1) : NUMBER.format(perSecond);
}

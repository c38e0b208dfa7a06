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

const UNITS = [
  { seconds: 86_400, name: 'd' },
  { seconds: 3600, name: 'h' },
  { seconds: 60, name: 'm' },
  { seconds: 1, name: 's' },
] as const;

/** 0.4 s, 12 s, 3 m 20 s, 2 h 5 m, 3 d 4 h */
export function duration(seconds: number): string {
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  const index = UNITS.findIndex((unit) => whole >= unit.seconds);
  const unit = UNITS[index] ?? UNITS[3];
  const smaller = UNITS[index + 1];
  const main = `${Math.floor(whole / unit.seconds)} ${unit.name}`;
  const rest = smaller ? Math.floor((whole % unit.seconds) / smaller.seconds) : 0;
  return smaller && rest > 0 ? `${main} ${rest} ${smaller.name}` : main;
}

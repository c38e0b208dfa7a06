import { measureMachinePace } from '../../tools/test-run/machine-pace.ts';

/**
 * A time that a quiet machine of reference keeps, as this machine can keep it at this moment: the same there, and longer by as much as
 * other work slows this one. For what a test allows beside the product; not for a bound that the product itself promises.
 */
export function paced(quietMs: number): number {
  return Math.round(quietMs * measureMachinePace());
}

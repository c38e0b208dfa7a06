import type { ObservedSystem } from './observed-system.ts';

/** Something that goes wrong, and who has to be told. */
export interface AlertFault {
  readonly name: string;
  /** All of them fire, and clear when it is mended. Others may fire too. */
  readonly alerts: readonly string[];
  /** Breaks something; answers how to mend it. */
  readonly inject: (observed: ObservedSystem) => Promise<() => Promise<void>>;
}

import type { Part } from '@order-events/runtime';

/** A part that connects with its first use. */
export function closingPart(name: string, part: { close(): void }): Part {
  return { name, start: async () => {}, stop: async () => part.close() };
}

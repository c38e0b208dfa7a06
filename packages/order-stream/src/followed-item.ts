import type { Order, OrderEvent } from './gen/orders/v1/order_stream.ts';

/** How far what was told is complete. */
interface CompleteThrough {
  /**
   * Every change of what matches that was committed before this time of the database has been told, from the list or the stream. Unset where
   * the stream said nothing of it.
   */
  readonly completeThroughTime?: Date | undefined;
}

/** What is told of the orders. */
export type FollowedItem = (
  | {
      /** Matches the filter, in a version that is newer than what was told of it. */
      readonly kind: 'order';
      readonly orderId: string;
      readonly orderVersion: bigint;
      readonly order: Order;
      /** Unset for one from the list. */
      readonly event?: OrderEvent;
    }
  | {
      /** Was told and matches no more. */
      readonly kind: 'left';
      readonly orderId: string;
      readonly orderVersion: bigint;
      /** As it is now; undefined when there is no such order any more. */
      readonly order: Order | undefined;
    }
  /** What was told is what there is, up to the way of a change through the log; until a listing. */
  | ({ readonly kind: 'complete' } & CompleteThrough)
  /** The list is read, from its beginning; `cause` is why it must be read again. */
  | { readonly kind: 'listing'; readonly cause: unknown }
  /** Nothing but the checkpoint, and the time. */
  | ({ readonly kind: 'progress' } & CompleteThrough)
) & {
  /** To be stored once this and all before are handled, with the orders. */
  readonly checkpoint: string;
};

import { type DeepPartial, type StartPosition, WatchOrdersRequest } from '@order-events/order-stream';

/** Customers of the load's orders, all with the same number of events. */
export const CUSTOMERS = 1_000;

/** A request as it is sent; what is not given is as the server has it. */
export function encodeRequest(request: DeepPartial<WatchOrdersRequest>): Uint8Array {
  return WatchOrdersRequest.encode(WatchOrdersRequest.fromPartial(request)).finish();
}

/**
 * Requests that match a share of all events, by customer: as many different filters as it takes until every event is in one of them,
 * so that neighbouring watchers want different events.
 */
export function requestsMatching(share: number, from: 'earliest' | 'latest' = 'latest'): Uint8Array[] {
  const start: DeepPartial<StartPosition> = { position: { $case: from, value: true } };
  if (share === 1) return [encodeRequest({ start })];
  const customersPerFilter = CUSTOMERS * share;
  return Array.from({ length: CUSTOMERS / customersPerFilter }, (_, index) =>
    encodeRequest({
      start,
      filter: {
        customerIds: Array.from(
          { length: customersPerFilter },
          (_customer, position) => `customer-${index * customersPerFilter + position}`,
        ),
      },
    }),
  );
}

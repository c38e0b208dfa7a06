import { AccessError } from '@order-events/access';
import { OrderFilter } from '@order-events/order-stream';
import { withoutPlace } from '../log/placeless-event.ts';
import { createCustomerSeal } from '../position/customer-seal.ts';
import type { ReplayRange } from '../position/replay-range.ts';
import type { StartPosition } from '../position/start-position.ts';
import { StreamError } from '../stream/stream-error.ts';
import type { WatchMessage, WatchSignal } from './watch-message.ts';

/** What a client whose token is of one customer may ask for, and what it is told: nothing that depends on the orders of others. */
export interface CustomerView {
  /** The filter with the customer in it. Throws an AccessError when it names another one. */
  filter(sent: OrderFilter | undefined): OrderFilter;
  /** Throws a StreamError for a token that was not given to this customer. */
  start(start: StartPosition): StartPosition;
  /** What a watch says, and what it fails with. */
  messages(messages: AsyncIterable<WatchMessage>): AsyncGenerator<WatchMessage, void, undefined>;
  range(range: ReplayRange): ReplayRange;
}

/** Details of errors that are resume tokens. */
const TOKEN_DETAILS: readonly string[] = ['resume_token', 'earliest_token', 'latest_token'];

export function createCustomerView(customerId: string, secret: string): CustomerView {
  const { seal, open } = createCustomerSeal(secret, customerId);

  function told(message: WatchMessage): WatchMessage {
    const { events, resumeToken, signal } = message;
    return {
      events: events.map(withoutPlace),
      resumeToken: seal(resumeToken),
      ...(signal ? { signal: toldSignal(signal) } : {}),
    };
  }

  /** 0 is what stands for "not known" in the contract. */
  function toldSignal(signal: WatchSignal): WatchSignal {
    if (signal.kind === 'gap') return { ...signal, fromToken: seal(signal.fromToken), missedEvents: 0n };
    const isFigure = signal.kind === 'heartbeat' || signal.kind === 'fell behind';
    return isFigure ? { ...signal, backlogEvents: 0n } : signal;
  }

  function toldError(error: unknown): unknown {
    if (!(error instanceof StreamError)) return error;
    const tokens = Object.entries(error.details).filter(([name]) => TOKEN_DETAILS.includes(name));
    const details = Object.fromEntries(tokens.map(([name, token]) => [name, seal(token)]));
    return error.withDetails(details);
  }

  return {
    filter: (sent) => confinedFilter(sent, customerId),
    start: (start) => (start.kind === 'token' ? { ...start, token: open(start.token, start.field) } : start),
    async *messages(messages) {
      try {
        for await (const message of messages) yield told(message);
      } catch (error: unknown) {
        throw toldError(error);
      }
    },
    range: ({ earliestToken, latestToken }) => ({
      earliestToken: seal(earliestToken),
      latestToken: seal(latestToken),
      earliestLogTimeMs: undefined,
    }),
  };
}

/** Never with an empty list of customers, which would let all through. */
function confinedFilter(sent: OrderFilter | undefined, customerId: string): OrderFilter {
  const asked = sent ?? OrderFilter.fromPartial({});
  if (asked.customerIds.some((named) => named !== customerId)) {
    const text = 'the token is of one customer: leave filter.customer_ids out, or name that one alone';
    throw new AccessError('forbidden', 'customer', text);
  }
  return { ...asked, customerIds: [customerId] };
}

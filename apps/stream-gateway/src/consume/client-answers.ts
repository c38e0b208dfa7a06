import type { HeldOrders } from '../held/held-orders.ts';
import type { Rejection } from '../held/held-order.ts';
import type { LogEvent } from '../log/log-event.ts';
import { MalformedTokenError } from '../position/checked-token.ts';
import { StreamError } from '../stream/stream-error.ts';
import { decodeAckToken } from './ack-token.ts';
import type { ConsumeSteps } from './consume-steps.ts';
import type { MemberProgress } from './member-progress.ts';
import type { Nudge } from './nudge.ts';
import type { PositionCommits } from './position-commits.ts';

/** What comes from the client after the first request. */
export type ClientAnswers = AsyncGenerator<ClientAnswer, void, undefined>;

export type ClientAnswer =
  { readonly ackToken: string } | { readonly eventId: string; readonly rejection: Rejection };

export interface ClientAnswersOptions {
  readonly streamId: string;
  readonly progress: MemberProgress<LogEvent>;
  readonly held: HeldOrders;
  readonly commits: PositionCommits;
  readonly steps: ConsumeSteps;
  readonly nudge: Nudge;
  readonly observer: { acknowledged(events: number): void };
}

/** Takes in what the client says of the events that it was sent. */
export function createClientAnswers(options: ClientAnswersOptions) {
  const { streamId, progress, held, commits, steps, nudge, observer } = options;
  let failure: Error | undefined;

  const unacknowledged = () => progress.unacknowledged() + held.outCount();

  function acknowledge(token: string): void {
    const messageNumber = readAckToken(token, streamId, progress.newestMessage());
    const before = unacknowledged();
    progress.acknowledge(messageNumber);
    held.acknowledge(messageNumber);
    commits.acknowledged(messageNumber);
    observer.acknowledged(before - unacknowledged());
    nudge.give();
  }

  function reject(eventId: string, rejection: Rejection): void {
    const target = progress.find((event) => event.eventId === eventId);
    held.reject(eventId, target, progress.take, rejection);
    nudge.give();
  }

  async function receive(answers: ClientAnswers): Promise<void> {
    try {
      for await (const answer of answers) {
        if ('ackToken' in answer) acknowledge(answer.ackToken);
        else reject(answer.eventId, answer.rejection);
      }
      steps.finish();
    } catch (error: unknown) {
      failure = error instanceof Error ? error : new Error(String(error));
    }
    nudge.give();
  }

  return {
    receive: (answers: ClientAnswers) => void receive(answers),
    /** Throws what was wrong about an answer. */
    check() {
      if (failure) throw failure;
    },
  };
}

/** The message that a token of this stream acknowledges up to. Throws a StreamError for any other token. */
function readAckToken(token: string, ofStream: string, newestMessage: number): number {
  const field = 'acknowledge.ack_token';
  try {
    const { streamId, messageNumber } = decodeAckToken(token);
    if (streamId === ofStream && messageNumber <= newestMessage) return messageNumber;
  } catch (error: unknown) {
    if (!(error instanceof MalformedTokenError)) throw error;
    const text = `the acknowledgement token ${error.message}: send one back as it was received`;
    throw new StreamError('ACK_TOKEN_MALFORMED', text, { field, cause: error });
  }
  const text = 'the acknowledgement token is of another stream, whose unacknowledged events are sent again';
  throw new StreamError('ACK_TOKEN_FOREIGN', text, { field });
}

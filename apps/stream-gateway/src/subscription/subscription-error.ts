import {
  GroupHasForeignMembersError,
  GroupHasMembersError,
  GroupNotFoundError,
} from '@order-events/messaging';
import { StreamError } from '../stream/stream-error.ts';

export function subscriptionNotFound(name: string, cause?: unknown): StreamError {
  return new StreamError('SUBSCRIPTION_NOT_FOUND', `there is no subscription ${name}`, { cause });
}

/** What a failure of Kafka's group calls means for the client. `onFailure` is told what clients learn nothing of. */
export function subscriptionError(
  name: string,
  error: unknown,
  onFailure: (error: unknown) => void,
): StreamError {
  if (error instanceof StreamError) return error;
  if (error instanceof GroupNotFoundError) return subscriptionNotFound(name, error);
  if (error instanceof GroupHasMembersError) {
    const text = `subscription ${name} has members: end their streams first`;
    return new StreamError('SUBSCRIPTION_HAS_MEMBERS', text, { cause: error });
  }
  if (error instanceof GroupHasForeignMembersError) return hasForeignMembers(name, error);
  onFailure(error);
  return sourceUnavailable(error);
}

/** The clients are named: whoever runs them has to give them a group of their own. */
export function hasForeignMembers(name: string, cause: GroupHasForeignMembersError): StreamError {
  const text = `subscription ${name} cannot be used: ${cause.message}; end them, or let them use another group`;
  return new StreamError('SUBSCRIPTION_HAS_FOREIGN_MEMBERS', text, { cause });
}

export function sourceUnavailable(cause?: unknown): StreamError {
  return new StreamError('SOURCE_UNAVAILABLE', 'Kafka cannot be reached at present', { cause });
}

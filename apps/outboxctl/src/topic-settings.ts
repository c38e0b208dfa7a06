import type { Finding } from '@order-events/outbox';
import type { Call } from './command.ts';
import { CommandError } from './outcome.ts';

const KAFKA_TIMEOUT_MS = 5_000;

/** What of the settings of the topic and its brokers ends a promise; nothing when Kafka does not answer, which others tell. */
export async function settingFindings(call: Call): Promise<readonly Finding[]> {
  if (!call.topic.configured) return [];
  const signal = AbortSignal.any([call.signal, AbortSignal.timeout(KAFKA_TIMEOUT_MS)]);
  try {
    return await call.topic.reader().review(signal);
  } catch {
    call.signal.throwIfAborted();
    return [];
  }
}

/** Before a command that relies on the topic keeping what it holds. Throws a CommandError. */
export async function refuseHarmfulSettings(call: Call): Promise<void> {
  const harmful = (await settingFindings(call)).find(({ severity }) => severity === 'halt');
  if (harmful) throw new CommandError(`topic ${call.topic.name}: ${harmful.text}`);
}

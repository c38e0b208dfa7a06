import type { KafkaPublisher } from '@order-events/messaging';

/** Mutant: a batch whose answer does not come is sent again under another producer's epoch and sequence. */
export function retryingWithNewSequence(publisher: KafkaPublisher): KafkaPublisher {
  return {
    ...publisher,
    async publish(events, signal = new AbortController().signal) {
      const outcomes = [...(await publisher.publish(events, signal))];
      const unanswered = events.filter((_, index) => outcomes[index]?.kind === 'unknown');
      const [first] = unanswered;
      if (!first) return outcomes;
      const patience = AbortSignal.timeout(10_000);
      await publisher.claim(first.partition, 0n, patience);
      const again = await publisher.publish(unanswered, patience);
      unanswered.forEach((event, index) => {
        const outcome = again[index];
        if (outcome) outcomes[events.indexOf(event)] = outcome;
      });
      return outcomes;
    },
  };
}

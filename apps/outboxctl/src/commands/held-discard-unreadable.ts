import type { Command } from '../command.ts';
import { CommandError, EXIT, UsageError } from '../outcome.ts';
import { PENDING, subscriptionOf } from './held.ts';

export const heldDiscardUnreadable: Command = {
  name: 'held discard-unreadable',
  synopsis: '<subscription> <partition> <offset>',
  maxPositionals: 3,
  needsNoDatabase: true,
  summary: 'Give up a record of held events that cannot be read',
  details:
    'While there is one of an event, the share of its partition waits: nobody knows whose order it is. held list shows its\n' +
    'place and why it cannot be read. A newer gateway, or another replica of the partition, may be able to read it: its event\n' +
    'is lost for consumers of the subscription otherwise, and what waited for it goes on.',
  examples: ['held discard-unreadable warehouse 3 1842'],
  async run(call) {
    const subscription = subscriptionOf(call);
    const [, partitionText = '', offsetText = ''] = call.positionals;
    if (!/^\d{1,9}$/.test(partitionText) || !/^\d{1,18}$/.test(offsetText)) {
      throw new UsageError('name the record by its partition and offset, as held list shows them');
    }
    const place = { subscription, partition: Number(partitionText), offset: BigInt(offsetText) };
    const question = `Give up the record at ${partitionText}/${offsetText} for ${subscription}? Its consumers miss the event that it is of.`;
    if (!(await call.terminal.confirm(question, call.signal))) throw new CommandError('not confirmed');
    const { eventId, pending } = await call.gateway.call((client) =>
      client.discardUnreadableHeldRecord(place, { signal: call.signal }),
    );
    call.terminal.answer(
      { event_id: eventId || null, pending },
      eventId === '' ? 'discarded: no event is missed' : `discarded: consumers miss event ${eventId}`,
    );
    if (pending) call.terminal.say(PENDING);
    return EXIT.ok;
  },
};

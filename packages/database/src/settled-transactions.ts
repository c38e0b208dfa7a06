import { type SendQuery, textOf } from './client-query.ts';
import { type SessionSetting, transactionSettings } from './session-settings.ts';

const BEGIN = /^\s*(begin|start transaction)\b/i;
const END = /^\s*(commit|end|rollback|abort)\s*;?\s*$/i;
const READ_COMMITTED = 'ISOLATION LEVEL READ COMMITTED';

/**
 * Through a pooler in transaction mode a session belongs to nobody, so nothing can be set for it. Here each transaction carries its own
 * settings, and a statement outside of one becomes one: two round trips more, and no setting of a role, a database or the pooler
 * matters.
 */
export function settledTransactions(settings: readonly SessionSetting[]): (send: SendQuery) => SendQuery {
  const asked = transactionSettings(settings);
  return (send) => {
    let isOpen = false;

    function begin(text: string): ReturnType<SendQuery> {
      const statement = /isolation level/i.test(text) ? text : `${text} ${READ_COMMITTED}`;
      return send(`${statement}; ${asked}`);
    }

    async function alone(query: unknown, values: unknown): ReturnType<SendQuery> {
      await begin('BEGIN');
      try {
        const answer = await send(query, values);
        await send('COMMIT');
        return answer;
      } catch (error) {
        // On a lost connection it is rolled back already.
        await send('ROLLBACK').catch(() => undefined);
        throw error;
      }
    }

    return async (query, values) => {
      const text = textOf(query);
      if (BEGIN.test(text)) {
        const answer = await begin(text);
        isOpen = true;
        return answer;
      }
      if (!isOpen) return END.test(text) ? send(query, values) : alone(query, values);
      if (END.test(text)) isOpen = false;
      return send(query, values);
    };
  };
}

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startKafka } from '../../../../test/harness/index.ts';
import { connectToBroker, type BrokerConnectionConfig } from './broker-connection.ts';
import { parseAddress } from './broker-address.ts';
import { metadataRequest } from './metadata.ts';

const USER = { username: 'relay', password: 'hunter2' };

test('a connection that is configured wrongly says which setting to look at, and shows no password', async (t) => {
  const { brokers, secured } = await startKafka(t, { securedFor: USER });
  assert.ok(secured);
  const ssl = { ca: secured.ca };
  const sasl = { mechanism: 'scram-sha-512', ...USER } as const;
  const tell = async (
    settings: Partial<BrokerConnectionConfig>,
    [broker = ''] = secured.brokers,
  ): Promise<string> => {
    const config = { clientId: 'test', connectTimeoutMs: 20_000, requestTimeoutMs: 20_000, ...settings };
    try {
      const connection = await connectToBroker(parseAddress(broker), config, AbortSignal.timeout(40_000));
      await connection.send(metadataRequest('no-such-topic'));
    } catch (error) {
      return String(error);
    }
    return assert.fail('the broker answered');
  };

  assert.match(await tell({ ssl, sasl }), /UNKNOWN_TOPIC_OR_PARTITION/, 'the right settings reach Kafka');
  for (const [what, answer, advice] of [
    ['password', tell({ ssl, sasl: { ...sasl, password: 'guess' } }), /check KAFKA_SASL_USERNAME/],
    ['username', tell({ ssl, sasl: { ...sasl, username: 'guess' } }), /check KAFKA_SASL_USERNAME/],
    ['mechanism', tell({ ssl, sasl: { ...sasl, mechanism: 'plain' } }), /check KAFKA_SASL_MECHANISM/],
    ['no login', tell({ ssl }), /wants a login: set KAFKA_SASL_MECHANISM/],
    ['a login too much', tell({ sasl }, brokers), /asks for no login: .* unset KAFKA_SASL/],
    ['not trusted', tell({ ssl: true, sasl }), /check KAFKA_TLS_CA_FILE/],
    ['no TLS', tell({ sasl }), /wants TLS: set KAFKA_TLS=true/],
    ['neither', tell({}), /wants TLS: set KAFKA_TLS=true/],
    ['TLS too much', tell({ ssl }, brokers), /speaks no TLS: check it and KAFKA_TLS/],
  ] as const) {
    assert.match(await answer, advice, what);
    assert.doesNotMatch(await answer, /hunter2|guess/, what);
  }
});

import type { SASLOptions } from 'kafkajs';
import SASLAuthenticator from 'kafkajs/src/broker/saslAuthenticator/index.js';
import type { ApiVersions } from './api-versions.ts';
import type { BrokerAddress } from './broker-address.ts';
import type { SendRequest } from './wire-request.ts';

// The error that is thrown says what failed.
const silent = { debug() {}, error() {} };

/**
 * Authenticates a connection with kafkajs's SASL mechanisms. A session that the broker limits in time ends with its connection:
 * the next one authenticates anew.
 */
export async function authenticate(
  send: SendRequest,
  address: BrokerAddress,
  sasl: SASLOptions,
  versions: ApiVersions,
): Promise<void> {
  const authenticator = new SASLAuthenticator(
    {
      ...address,
      sasl: { ...sasl }, // kafkajs writes into it
      send: ({ request, response }) =>
        send({
          request,
          response: { decode: async (payload) => response.parse(await response.decode(payload)) },
        }),
    },
    { namespace: () => silent },
    versions,
    true,
  );
  await authenticator.authenticate();
}

import { requests } from 'kafkajs/src/protocol/requests/index.js';
import { KafkaProtocolError } from './protocol-error.ts';
import type { WireRequest } from './wire-request.ts';

export type ConfigResource =
  { readonly kind: 'topic'; readonly name: string } | { readonly kind: 'broker'; readonly nodeId: number };

const describeConfigs1 = requests.DescribeConfigs.protocol({ version: 1 });
const TYPE = { topic: 2, broker: 4 } as const;

/**
 * Settings in effect, by name; what is set nowhere has its default. Those of a broker only that broker tells. The answer is a
 * KafkaProtocolError when the user may not know them.
 */
export function describeConfigsRequest(
  resource: ConfigResource,
  names: readonly string[],
): WireRequest<ReadonlyMap<string, string>> {
  const name = resource.kind === 'topic' ? resource.name : String(resource.nodeId);
  const { request, response } = describeConfigs1({
    resources: [{ type: TYPE[resource.kind], name, configNames: names }],
  });
  return {
    request,
    response: {
      async decode(payload) {
        const [found] = (await response.decode(payload)).resources;
        if (!found)
          throw new Error(`the broker answered nothing about the settings of ${resource.kind} ${name}`);
        if (found.errorCode !== 0) {
          throw new KafkaProtocolError(found.errorCode, `settings of ${resource.kind} ${name}`);
        }
        return new Map(
          found.configEntries.map(({ configName, configValue }) => [configName, configValue ?? '']),
        );
      },
    },
  };
}

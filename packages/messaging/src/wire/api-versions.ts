import { requests } from 'kafkajs/src/protocol/requests/index.js';
import { KafkaProtocolError } from './protocol-error.ts';
import type { SendRequest, WireRequest } from './wire-request.ts';

/** Versions that a broker speaks, by API key. */
export type ApiVersions = Readonly<
  Record<number, { readonly minVersion: number; readonly maxVersion: number }>
>;

export async function fetchApiVersions(send: SendRequest): Promise<ApiVersions> {
  const answer = await send(requests.ApiVersions.protocol({ version: 2 })({}));
  if (answer.errorCode !== 0) throw new KafkaProtocolError(answer.errorCode, 'ApiVersions');
  return Object.fromEntries(answer.apiVersions.map((versions) => [versions.apiKey, versions]));
}

/** Throws when the broker does not speak the version of the request: it would only close the connection. */
export function requireVersion({ request }: WireRequest<unknown>, versions: ApiVersions): void {
  const offered = versions[request.apiKey];
  if (!offered) return;
  const { minVersion, maxVersion } = offered;
  if (request.apiVersion >= minVersion && request.apiVersion <= maxVersion) return;
  throw new Error(
    `the broker speaks ${request.apiName} ${minVersion} to ${maxVersion}, this client ${request.apiVersion}`,
  );
}

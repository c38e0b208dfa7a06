import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import type { ConnectionOptions } from '@order-events/order-stream';
import type { NotificationsConfig } from './config.ts';

/** How the gateway is spoken to: with certificates and a token that somebody else keeps fresh in files. */
export function gatewayConnection({
  NOTIFICATIONS_GATEWAY_CA_FILE: caFile,
  NOTIFICATIONS_BEARER_FILE: bearerFile,
}: NotificationsConfig): Pick<ConnectionOptions, 'tls' | 'token'> {
  return {
    ...(caFile === undefined ? {} : { tls: () => ({ rootCertificates: readFileSync(caFile) }) }),
    ...(bearerFile === undefined ? {} : { token: () => readBearer(bearerFile) }),
  };
}

async function readBearer(file: string): Promise<string> {
  return (await readFile(file, 'utf8')).trim();
}

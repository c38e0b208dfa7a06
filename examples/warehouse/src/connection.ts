import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import type { ConnectionOptions } from '@order-events/order-stream';
import type { WarehouseConfig } from './config.ts';

/** How the gateway is spoken to: with certificates and a token that somebody else keeps fresh in files. */
export function gatewayConnection({
  WAREHOUSE_GATEWAY_CA_FILE: caFile,
  WAREHOUSE_BEARER_FILE: bearerFile,
}: WarehouseConfig): Pick<ConnectionOptions, 'tls' | 'token'> {
  return {
    ...(caFile === undefined ? {} : { tls: () => ({ rootCertificates: readFileSync(caFile) }) }),
    ...(bearerFile === undefined ? {} : { token: () => readBearer(bearerFile) }),
  };
}

/** The token in a file. */
export async function readBearer(file: string): Promise<string> {
  return (await readFile(file, 'utf8')).trim();
}

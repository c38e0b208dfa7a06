import { findGrpcurl } from './grpcurl.ts';
import type { ReflectingClient, ReflectionVersion } from './reflecting-client.ts';
import { createReflectionClient } from './reflection-client.ts';

/** The real grpcurl when it is there or can be built with Go, else a client of our own. */
export async function findReflectingClient(version: ReflectionVersion = 'v1'): Promise<ReflectingClient> {
  const grpcurl = await findGrpcurl(version);
  return typeof grpcurl === 'string' ? createReflectionClient(version, grpcurl) : grpcurl;
}

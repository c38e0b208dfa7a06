import { DESCRIPTOR_SET } from '@order-events/order-stream';
import type { Server } from 'nice-grpc';
import { ServerReflection, ServerReflectionService } from 'nice-grpc-server-reflection';

const { serverReflectionInfo } = ServerReflectionService;

/** The protocol before it became v1, which older clients speak; its messages are the same. */
const ServerReflectionV1Alpha = {
  serverReflectionInfo: {
    ...serverReflectionInfo,
    path: '/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo',
  },
};

/** Lets clients ask what the server offers, in both versions of the protocol. */
export function addReflection(server: Server, serviceNames: readonly string[]): void {
  const implementation = ServerReflection(DESCRIPTOR_SET, serviceNames);
  server.add(ServerReflectionService, implementation);
  server.add(ServerReflectionV1Alpha, implementation);
}

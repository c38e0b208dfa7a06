import { readFileSync } from 'node:fs';

/** Every message and service of `proto/`, as a google.protobuf.FileDescriptorSet: what server reflection tells. */
export const DESCRIPTOR_SET: Uint8Array = readFileSync(new URL('./gen/descriptor-set.bin', import.meta.url));

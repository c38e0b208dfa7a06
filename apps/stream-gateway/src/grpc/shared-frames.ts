import type { ServerInterceptingCallInterface } from '@grpc/grpc-js';

/** The frames of bodies that were made by `framedBody`. */
const frames = new WeakMap<object, Buffer>();
/** A flag that nothing is compressed, and the length of the message. */
const FRAME_HEADER_BYTES = 5;

/** Memory for a message that is `length` bytes long, to be filled: many streams can send it without a copy. */
export function framedBody(length: number): Uint8Array {
  const frame = Buffer.allocUnsafeSlow(FRAME_HEADER_BYTES + length);
  frame[0] = 0;
  frame.writeUInt32BE(length, 1);
  const body = frame.subarray(FRAME_HEADER_BYTES);
  frames.set(body, frame);
  return body;
}

/**
 * grpc-js copies each message for each stream into new memory, with five bytes before it: with thousands of streams that is most of the
 * work there is. It has no public way to hand over a frame, so the method of this one call is replaced; its exact version is pinned.
 */
export function sendSharedFrames(call: ServerInterceptingCallInterface): void {
  const framing = call as ServerInterceptingCallInterface & {
    serializeMessage?: (message: object) => Buffer;
  };
  const copy = framing.serializeMessage;
  if (copy) framing.serializeMessage = (message) => frames.get(message) ?? copy.call(call, message);
}

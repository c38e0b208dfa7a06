/** The largest response that is accepted; anything larger is not Kafka's protocol (an HTTP server, a TLS port). */
const MAX_FRAME_BYTES = 128 * 1024 * 1024;
const LENGTH_BYTES = 4;

/**
 * Cuts the byte stream of a broker into its responses (an int32 length, then that many bytes) and hands each to `onFrame`.
 * The frame is a view on received bytes. The returned function takes the stream chunk by chunk; it throws a RangeError when the
 * stream cannot be Kafka's.
 */
export function createFrameSplitter(onFrame: (frame: Buffer) => void): (chunk: Buffer) => void {
  let chunks: Buffer[] = [];
  let bufferedBytes = 0;
  let neededBytes = LENGTH_BYTES;
  return (chunk) => {
    chunks.push(chunk);
    bufferedBytes += chunk.length;
    // A large response arrives in many chunks: they are joined once, when all of it is there.
    if (bufferedBytes < neededBytes) return;
    const bytes = chunks.length === 1 ? chunk : Buffer.concat(chunks, bufferedBytes);
    let position = 0;
    neededBytes = LENGTH_BYTES;
    while (bytes.length - position >= LENGTH_BYTES) {
      const length = bytes.readInt32BE(position);
      if (length < 0 || length > MAX_FRAME_BYTES) {
        throw new RangeError(`a response of ${length} bytes was announced: not a Kafka broker?`);
      }
      const end = position + LENGTH_BYTES + length;
      if (end > bytes.length) {
        neededBytes = LENGTH_BYTES + length;
        break;
      }
      onFrame(bytes.subarray(position + LENGTH_BYTES, end));
      position = end;
    }
    bufferedBytes = bytes.length - position;
    chunks = bufferedBytes > 0 ? [bytes.subarray(position)] : [];
  };
}

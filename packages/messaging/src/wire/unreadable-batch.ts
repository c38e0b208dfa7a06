/** What is wrong with a batch: the label of a metric, so there are few. */
export type BatchFaultKind =
  /** Its bytes are not those that were appended. */
  | 'checksum'
  /** It is not of format 2. */
  | 'format'
  /** It is compressed in a way that Kafka does not know. */
  | 'codec'
  /** It takes more memory than a batch may. */
  | 'too_large'
  /** It is cut off, cannot be decompressed, or its records are not where they should be. */
  | 'malformed';

/** Why the bytes of a batch cannot be read. */
export class BatchFault extends Error {
  override readonly name = 'BatchFault';
  readonly kind: BatchFaultKind;

  constructor(kind: BatchFaultKind, message: string, options?: ErrorOptions) {
    super(message, options);
    this.kind = kind;
  }
}

/** Whatever has come of trying to read a batch. */
export function asBatchFault(error: unknown): BatchFault {
  if (error instanceof BatchFault) return error;
  return new BatchFault('malformed', error instanceof Error ? error.message : 'it is malformed', {
    cause: error,
  });
}

/**
 * The log has a batch that cannot be read: on its disk, or by what came over the network this time. Reading it again, by another
 * connection, tells one from the other.
 */
export class UnreadableBatchError extends Error {
  override readonly name = 'UnreadableBatchError';
  readonly partition: number;
  /** The first offset that is not known. */
  readonly offset: bigint;
  /** Where the log goes on, as far as that can be told; always beyond `offset`. */
  readonly nextOffset: bigint;
  readonly kind: BatchFaultKind;

  constructor(partition: number, range: { offset: bigint; nextOffset: bigint }, fault: BatchFault) {
    const { offset, nextOffset } = range;
    super(
      `partition ${partition} cannot be read from offset ${offset} up to ${nextOffset}: ${fault.message}`,
      {
        cause: fault,
      },
    );
    this.partition = partition;
    this.offset = offset;
    this.nextOffset = nextOffset;
    this.kind = fault.kind;
  }
}

/** The API's HTTP server in one of the ways that are compared. */
export type Door =
  /** As it comes: with the outbox, and access control off. */
  | 'open'
  /** Nobody is told of changes. */
  | 'without-outbox'
  /** With access control. */
  | 'guarded'
  /** Makes spans, when the process was told where to send them. */
  | 'traced';

export interface DoorUrls {
  readonly urls: Readonly<Record<Door, string>>;
  /** For the guarded one. */
  readonly authorization: string;
}

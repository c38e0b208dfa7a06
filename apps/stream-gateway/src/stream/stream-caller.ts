import type { Principal } from '@order-events/access';

/** Who has made a call, where access control is on. */
export interface StreamCaller {
  readonly principal: Principal;
  /** The metadata as it was sent: a stream outlives the moment in which its token was good, so it is verified again. */
  readonly authorization: string;
}

/**
 * `delivered`: it came in a message. `begun`: a handler was given it, which may be later than others were sent it. `handled`: it will be
 * acknowledged. `stored`: the server said that its acknowledgement is stored. `rejecting`: it is rejected; `held`, `set aside`: the
 * server said what has become of that.
 */
export type EventStepKind = 'delivered' | 'begun' | 'handled' | 'stored' | 'rejecting' | 'held' | 'set aside';

/** What a consumer saw of an event, or did with it. */
export interface EventStep {
  readonly kind: EventStepKind;
  readonly consumer: string;
  readonly event: number;
  /** As the event says. */
  readonly attempt: number;
}

/** An operator asks for an order to be sent again; the request has ended, however it did. */
export interface OperatorStep {
  readonly kind: 'requeueing' | 'requeued';
  readonly order: number;
}

/** A step of a soak; all consumers are of one process, so that all steps have one order. */
export type RejectionStep = EventStep | OperatorStep;

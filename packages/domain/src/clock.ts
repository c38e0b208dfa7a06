/** Tells the time; an argument everywhere, so that the domain and its tests decide what "now" is. */
export type Clock = () => Date;

/**
 * The database was started again, has crashed, or is another server now. Transaction ids that were seen and not stored may be given out
 * again, so cursors of before must be read anew from where they are stored; going on from memory would skip events.
 */
export class ServerRunError extends Error {
  override readonly name = 'ServerRunError';

  constructor() {
    super('the database was started again or is another server: going on from the stored cursors');
  }
}

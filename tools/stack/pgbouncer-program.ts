import { findDebianProgram } from './debian-program.ts';

/** Where PgBouncer is; Debian installs it where only root looks. */
export function findPgbouncer(): Promise<string> {
  return findDebianProgram({
    name: 'PgBouncer',
    places: ['pgbouncer', '/usr/sbin/pgbouncer', '/usr/local/sbin/pgbouncer'],
    debianPackage: 'pgbouncer',
    mend: 'install it (apt install pgbouncer, brew install pgbouncer)',
  });
}

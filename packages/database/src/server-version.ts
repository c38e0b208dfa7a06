/** The oldest PostgreSQL that the product is tested with; older ones get no corrections any more. */
const OLDEST_MAJOR = 15;

/** The database server is one that this program is not made for. */
export class UnsupportedServerError extends Error {
  override readonly name = 'UnsupportedServerError';
}

/** Throws UnsupportedServerError when a server is too old, by its `server_version_num`. */
export function requireServerVersion(versionNum: number): void {
  const major = Math.floor(versionNum / 10_000);
  if (major >= OLDEST_MAJOR) return;
  const version = `${major}.${versionNum % 10_000}`;
  throw new UnsupportedServerError(
    `PostgreSQL ${version} is too old: this needs ${OLDEST_MAJOR} or newer (docs/compatibility.md); upgrade the server first`,
  );
}

-- A copy of the database on its own server has the same identifier of the system, the same cursors and the same topic: its relays would
-- fence those of the original. Null until a relay has looked.
ALTER TABLE relay_identity ADD COLUMN database_oid oid;
COMMENT ON COLUMN relay_identity.database_oid IS 'Oid of the database that the cursors were made in; while that one is there as well, this one is a copy, and publishes nothing.';

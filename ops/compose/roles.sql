-- The roles of docker-compose.yml, each with the password that stands in the URL of its process, and none of them a superuser. Run by
-- the superuser before the schema is migrated; harmless to run again, and the way to change a password.

\set ON_ERROR_STOP on
\set owner `cat /run/secrets/owner-database-url`
\set api `cat /run/secrets/api-database-url`
\set relay `cat /run/secrets/relay-database-url`
\set operator `cat /run/secrets/operator-database-url`

CREATE TEMPORARY TABLE login (role text PRIMARY KEY, password text NOT NULL);
INSERT INTO login
SELECT part[1], part[2]
FROM unnest(ARRAY[:'owner', :'api', :'relay', :'operator']) AS url,
  regexp_match(url, '^postgres://(\w+):([^:@/%]+)@') AS part;
DO $$ BEGIN
  IF (SELECT count(*) FROM login) <> 4 THEN
    RAISE 'each database-url has to be postgres://role:password@host:port/database, its password without %% : @ and /';
  END IF;
END $$;

SELECT format('CREATE ROLE %I LOGIN', role) FROM login
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = role) \gexec
SELECT format('ALTER ROLE %I PASSWORD %L', role, password) FROM login \gexec
-- ops/postgres/rights.sql has it for those who only look. Nobody does here.
SELECT 'CREATE ROLE orders_reader NOLOGIN' WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'orders_reader') \gexec

GRANT USAGE, CREATE ON SCHEMA public TO orders;
-- To name sessions of others that hold something up.
GRANT pg_read_all_stats TO orders_relay, orders_operator;

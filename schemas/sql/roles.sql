-- Roles of a real ClickHouse server. Run once by an administrator, then create users and grant them one role each:
--   CREATE USER daybook_hot IDENTIFIED BY '…' DEFAULT ROLE daybook_writer; GRANT daybook_writer TO daybook_hot;
-- The embedded engine of the local stack knows one user and no roles: it serves with the grants of the writer, the
-- auditor and the operator together, read from this file. A test runs the hot store's whole contract with them.

-- The hot worker: adds rows and reads what decides the next write. No UPDATE, DELETE, ALTER, DROP, TRUNCATE.
CREATE ROLE IF NOT EXISTS daybook_writer;
GRANT INSERT ON daybook.events TO daybook_writer;
GRANT SELECT(_topic_id, _topic, _partition, _offset, _received_at, _content_hash, event_id) ON daybook.events TO daybook_writer;
GRANT SELECT, INSERT ON daybook.fence TO daybook_writer;
GRANT SELECT, INSERT ON daybook.gaps TO daybook_writer;
GRANT SELECT, INSERT ON daybook.topics TO daybook_writer;
GRANT SELECT, INSERT ON daybook.superseded TO daybook_writer;
GRANT SELECT ON daybook.accepted_losses TO daybook_writer;
-- To find and end inserts of an earlier owner. All hot workers run as one user, whose queries need no KILL grant.
GRANT SELECT ON system.processes TO daybook_writer;
-- The search for copies gives its ids through the table function format().
GRANT CREATE TEMPORARY TABLE ON *.* TO daybook_writer;

-- Analysts. The views read with the rights of who asks (INVOKER), so that policies by tenant hold through them;
-- hence the grants on the tables behind them.
CREATE ROLE IF NOT EXISTS daybook_auditor SETTINGS readonly = 1;
GRANT SELECT ON daybook.audit TO daybook_auditor;
GRANT SELECT ON daybook.conflicts TO daybook_auditor;
GRANT SELECT ON daybook.events TO daybook_auditor;
GRANT SELECT ON daybook.superseded TO daybook_auditor;
GRANT SELECT ON daybook.gaps TO daybook_auditor;

-- An operator's decisions.
CREATE ROLE IF NOT EXISTS daybook_operator;
GRANT SELECT, INSERT ON daybook.topics TO daybook_operator;
GRANT SELECT, INSERT ON daybook.accepted_losses TO daybook_operator;
GRANT SELECT ON daybook.fence TO daybook_operator;
GRANT SELECT ON daybook.gaps TO daybook_operator;
GRANT SELECT(_topic_id, _topic, _partition, _offset, _content_hash) ON daybook.events TO daybook_operator;
GRANT SELECT ON daybook.migrations TO daybook_operator;

-- DDL, used by migrations only, never by a process that stays: it cannot update or delete single rows, but a shorter
-- TTL and a dropped column destroy data all the same.
CREATE ROLE IF NOT EXISTS daybook_migrator;
GRANT CREATE DATABASE, CREATE TABLE, CREATE VIEW, ALTER COLUMN, ALTER INDEX, ALTER PROJECTION, ALTER TTL, ALTER SETTINGS ON daybook.* TO daybook_migrator;
GRANT SELECT, INSERT ON daybook.migrations TO daybook_migrator;

-- A tenant's own people: a role for each tenant, and a policy by its name. With a policy for one role on the table,
-- rows are hidden from everybody who has no policy that shows them; so the others are given theirs.
CREATE ROLE IF NOT EXISTS daybook_tenant_acme SETTINGS readonly = 1;
GRANT SELECT ON daybook.audit TO daybook_tenant_acme;
GRANT SELECT ON daybook.events TO daybook_tenant_acme;
-- The view needs the positions of later copies; they name no event and no tenant.
GRANT SELECT(offset, partition, topic_id) ON daybook.superseded TO daybook_tenant_acme;
CREATE ROW POLICY IF NOT EXISTS tenant_acme ON daybook.events FOR SELECT USING tenant_id = 'acme' TO daybook_tenant_acme;
CREATE ROW POLICY IF NOT EXISTS all_rows ON daybook.events FOR SELECT USING 1 TO daybook_writer, daybook_auditor, daybook_operator;

-- What the embedded engine needs besides the roles of schemas/sql/roles.sql. It has one user, so that user has the
-- grants of the hot worker, the auditor and the operator together. Nothing here changes a row of a table.
-- KILL needs no grant: every query is that user's own.

-- Clients ask for settings, columns and tables when they connect.
GRANT SELECT ON system.*;
GRANT SHOW ON *.*;
-- The HTTP server turns input() into file(), to read only; archives are queried through s3(), to read only.
GRANT READ ON FILE;
GRANT READ ON S3;

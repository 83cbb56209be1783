-- What the hot store's serving processes may do. No UPDATE, DELETE, ALTER, DROP or TRUNCATE: rows are added and read.
GRANT SELECT, INSERT ON daybook.*;
-- Recovery looks at running inserts and ends those of a lost owner.
GRANT SELECT ON system.*;
GRANT SHOW ON *.*;
GRANT KILL QUERY ON *.*;
-- INSERT … SELECT FROM input() reads its rows through file(); archives are queried through s3().
GRANT CREATE TEMPORARY TABLE ON *.*;
GRANT READ ON FILE;
GRANT READ ON S3;

-- UNTESTED on a cluster: only parsed, by test/contract/hot/sql-files.test.ts. As schemas/sql/0002-expired-gaps.sql.
ALTER TABLE daybook.gaps ON CLUSTER daybook MODIFY COLUMN reason Enum8('control' = 1, 'aborted' = 2, 'absent' = 3, 'lost_accepted' = 4, 'quarantined' = 5, 'tombstone' = 6, 'expired' = 7);

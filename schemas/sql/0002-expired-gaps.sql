-- Events that were so old when they arrived that the TTL of `events` would have dropped them at once: they are
-- accounted for as gaps, and never counted as delivered. Only metadata changes: no value gets another number.
ALTER TABLE daybook.gaps MODIFY COLUMN reason Enum8('control' = 1, 'aborted' = 2, 'absent' = 3, 'lost_accepted' = 4, 'quarantined' = 5, 'tombstone' = 6, 'expired' = 7);

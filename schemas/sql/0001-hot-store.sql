-- The hot store: one append-only table of events and the small ledgers that make it exact.
--
-- The database is always written as `daybook.`; the migrator puts the configured name there.
-- Statements end with a semicolon at the end of a line. Files are never edited once released: the migrator
-- compares checksums and refuses a changed one.

CREATE DATABASE IF NOT EXISTS daybook;

-- Every Kafka record that is an event, once, under its position (topic id, partition, offset).
--
-- Plain MergeTree: a collapsing engine would let an INSERT-only role rewrite history (a forged row with a copied
-- key wins the merge) and would destroy the ledger of offsets.
-- No DEFAULT depends on time, randomness or the server: the same insert gives the same rows on any replica.
-- Columns that begin with `_` are the pipeline's; all others are the fields of AuditEvent, nested records
-- flattened with `_`, under the types that lose nothing: Nullable where the field may be null, Enum8 with the
-- symbols of the schema (a symbol the table does not know refuses the insert instead of being stored as junk).
CREATE TABLE daybook.events
(
    -- Position. Topic and topic id repeat over millions of rows: LowCardinality and ZSTD leave almost nothing.
    -- UUID: 16 bytes, constant within a block.
    _topic_id UUID CODEC(ZSTD(1)),
    _topic LowCardinality(String),
    _partition UInt32 CODEC(ZSTD(1)),
    -- Within one part and tenant, offsets rise slowly: deltas of deltas are near zero.
    _offset Int64 CODEC(DoubleDelta, ZSTD(1)),
    -- LogAppendTime of the broker, the server's time of receipt (E3). Partitions and retention go by it, never by
    -- the producer's clock: late and imported events would vanish at once or open hundreds of partitions.
    _received_at DateTime64(3, 'UTC') CODEC(DoubleDelta, ZSTD(1)),
    -- Registry id of the schema whose encoding `_content_hash` covers.
    _schema_id UInt32 CODEC(ZSTD(1)),
    -- SHA-256 of the event's canonical encoding under `_schema_id`. Random bytes: compression would only cost.
    _content_hash FixedString(32) CODEC(NONE),

    -- Random in the low half; ZSTD still saves the version bits and the time prefix of UUIDv7.
    event_id UUID CODEC(ZSTD(1)),
    tenant_id LowCardinality(String),
    -- The producer's clock, milliseconds. Sorted within a tenant, so deltas are small.
    occurred_at DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    clock_offset_ms Nullable(Int64) CODEC(ZSTD(1)),
    action LowCardinality(String),
    category Enum8('OTHER' = 0, 'DATA_CHANGE' = 1, 'AUTHENTICATION' = 2, 'PERMISSION' = 3, 'DATA_ACCESS' = 4, 'CONFIGURATION' = 5, 'EXPORT' = 6, 'BILLING' = 7, 'META' = 8),
    actor_id String CODEC(ZSTD(1)),
    actor_type Enum8('OTHER' = 0, 'USER' = 1, 'SERVICE' = 2, 'API_KEY' = 3, 'JOB' = 4, 'SYSTEM' = 5, 'ANONYMOUS' = 6),
    actor_name Nullable(String) CODEC(ZSTD(1)),
    actor_role LowCardinality(Nullable(String)),
    actor_affiliation Enum8('UNKNOWN' = 0, 'EMPLOYEE' = 1, 'CUSTOMER' = 2, 'PARTNER' = 3, 'VENDOR' = 4, 'OTHER' = 5),
    actor_on_behalf_of Nullable(String) CODEC(ZSTD(1)),
    target_type LowCardinality(String),
    target_id String CODEC(ZSTD(1)),
    target_name Nullable(String) CODEC(ZSTD(1)),
    other_targets Array(Tuple(type String, id String, name Nullable(String))) CODEC(ZSTD(1)),
    outcome_status Enum8('UNKNOWN' = 0, 'SUCCESS' = 1, 'FAILURE' = 2, 'DENIED' = 3, 'PARTIAL' = 4),
    outcome_code LowCardinality(Nullable(String)),
    outcome_reason Nullable(String) CODEC(ZSTD(1)),
    changes Array(Tuple(path String, before Nullable(String), after Nullable(String))) CODEC(ZSTD(1)),
    context_interface LowCardinality(Nullable(String)),
    -- As the producer wrote it; `_ip` is what range questions use.
    context_ip Nullable(String) CODEC(ZSTD(1)),
    context_user_agent Nullable(String) CODEC(ZSTD(1)),
    context_session_id Nullable(String) CODEC(ZSTD(1)),
    context_request_id Nullable(String) CODEC(ZSTD(1)),
    context_device_id Nullable(String) CODEC(ZSTD(1)),
    context_geo LowCardinality(Nullable(String)),
    source_service LowCardinality(String),
    source_version LowCardinality(Nullable(String)),
    source_environment LowCardinality(Nullable(String)),
    source_region LowCardinality(Nullable(String)),
    source_host LowCardinality(Nullable(String)),
    correlation_id Nullable(String) CODEC(ZSTD(1)),
    trace_id Nullable(String) CODEC(ZSTD(1)),
    causation_id Nullable(String) CODEC(ZSTD(1)),
    reason Nullable(String) CODEC(ZSTD(1)),
    approval Nullable(String) CODEC(ZSTD(1)),
    corrects Nullable(UUID) CODEC(ZSTD(1)),
    producer_id LowCardinality(String),
    sequence Int64 CODEC(DoubleDelta, ZSTD(1)),
    flags Array(LowCardinality(String)),
    metadata Map(LowCardinality(String), String) CODEC(ZSTD(1)),

    -- The address as a number: IPv4 as ::ffff:a.b.c.d, `::` where there is none or it is not an address. A range of
    -- addresses is then one comparison.
    _ip IPv6 MATERIALIZED toIPv6OrDefault(ifNull(context_ip, '')) CODEC(ZSTD(1)),

    -- Skip indexes for the needles that the order key does not serve; 1 false positive in 100 granules. They are
    -- built by merges, not by inserts (the worker pins materialize_skip_indexes_on_insert=0): fresh parts are
    -- small and read whole.
    INDEX actor actor_id TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX target target_id TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX correlation correlation_id TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX ip _ip TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX changed_path changes.path TYPE bloom_filter(0.01) GRANULARITY 1,
    -- Few actions, and rare ones matter most (`role.granted`, `export.*`): a set tells which granules hold them.
    INDEX action action TYPE set(100) GRANULARITY 1,

    -- Serves the tip and reconciliation: what is held of a partition, in offset order. A minmax index on _offset is
    -- useless after merges, because the order key starts with the tenant. Carries the hash, so that the tip record
    -- needs no scan of the table.
    PROJECTION by_offset (SELECT _topic_id, _partition, _offset, _content_hash ORDER BY _topic_id, _partition, _offset),
    -- Serves the search for earlier copies of an event. As a number, because ClickHouse orders UUIDs by their second
    -- half, which tears apart the UUIDv7 of one moment; as a number they lie together and a batch touches few
    -- granules.
    PROJECTION by_event_id (SELECT event_id, _topic_id, _partition, _offset ORDER BY toUInt128(event_id))
)
ENGINE = MergeTree
-- By week of receipt: an insert holds one day of receipt, hence one partition, hence one part, the unit that is
-- atomic. 14 partitions at 93 days keep look-ups over all of them cheap, and expiry is at most a week late.
PARTITION BY toMonday(_received_at)
-- Every question names a tenant and a time. The rest makes the order of events that occurred in the same
-- millisecond that of their producer.
PRIMARY KEY (tenant_id, occurred_at)
ORDER BY (tenant_id, occurred_at, producer_id, sequence)
TTL toDateTime(_received_at) + INTERVAL 93 DAY
SETTINGS
    -- Expiry drops whole parts: nothing that is kept is ever rewritten by it.
    ttl_only_drop_parts = 1,
    -- Off by default: an offset would be committed while the part is only in the page cache.
    fsync_after_insert = 1,
    fsync_part_directory = 1,
    -- A part as large as an insert keeps its columns in one file: some two hundred fewer files to make, sync and
    -- delete, 2 of 13 µs of CPU an event. Merges make wide parts.
    min_bytes_for_wide_part = 134217728,
    -- Twice as many parts of a size are gathered before they are merged: each event is rewritten half as often, and
    -- not at all while a worker catches up (docs/decisions/hot-insert.md).
    merge_selector_base = 10,
    -- The same block sent twice is told by the tip, never by the engine's window of recent blocks.
    non_replicated_deduplication_window = 0;

-- Offsets at which the table holds no event, and why. With the events they account for every offset: control
-- records, aborted records, absent offsets, quarantined records, tombstones, and losses an operator accepted.
-- Rows are ranges and are written before the events of the delivery that found them.
CREATE TABLE daybook.gaps
(
    topic_id UUID,
    topic LowCardinality(String),
    partition UInt32,
    first Int64,
    last Int64,
    reason Enum8('control' = 1, 'aborted' = 2, 'absent' = 3, 'lost_accepted' = 4, 'quarantined' = 5, 'tombstone' = 6),
    -- For quarantined records the code, for accepted losses what the operator wrote; else empty.
    note String,
    -- Who accepted; the worker's owner id otherwise.
    by String,
    at DateTime64(3, 'UTC')
)
ENGINE = MergeTree
ORDER BY (topic_id, partition, first, last)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;

-- Who may write a partition: the owner of the greatest (epoch, owner). A row for each claim, and one a day for each
-- partition that moved, which carries the tip over the day when its last rows expire.
CREATE TABLE daybook.fence
(
    topic_id UUID,
    topic LowCardinality(String),
    partition UInt32,
    epoch UInt64,
    owner String,
    -- The last offset dealt with when the row was written; -1: nothing yet.
    tip Int64,
    at DateTime64(3, 'UTC')
)
ENGINE = MergeTree
ORDER BY (topic_id, partition, epoch, owner)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;

-- Incarnations of each topic that workers may write: a topic that was deleted and made again starts at offset 0
-- under another id, and an operator has to say that this was meant.
CREATE TABLE daybook.topics
(
    topic String,
    topic_id UUID,
    by String,
    reason String,
    at DateTime64(3, 'UTC')
)
ENGINE = MergeTree
ORDER BY (topic, at)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;

-- Positions of later copies of an event that is visible already: same event_id and same content. Readers of the
-- views do not see them. A copy with other content is never listed here.
CREATE TABLE daybook.superseded
(
    topic_id UUID,
    partition UInt32,
    offset Int64,
    event_id UUID,
    -- The copy that stays visible.
    kept_topic_id UUID,
    kept_partition UInt32,
    kept_offset Int64,
    at DateTime64(3, 'UTC')
)
ENGINE = MergeTree
ORDER BY (offset, partition, topic_id)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;

-- Each event once. The first condition reads one well-compressed column and is almost always decisive.
CREATE VIEW daybook.audit AS
SELECT * FROM daybook.events
WHERE (_offset, _partition, _topic_id) NOT IN (SELECT offset, partition, topic_id FROM daybook.superseded);

-- Events that share an id but not their content: all stay visible in `audit`; here they are reported.
CREATE VIEW daybook.conflicts AS
SELECT
    event_id,
    groupUniqArray(tenant_id) AS tenants,
    uniqExact(_content_hash) AS contents,
    groupArray((_topic, _partition, _offset, lower(hex(_content_hash)))) AS copies
FROM daybook.audit
GROUP BY event_id
HAVING contents > 1;

-- What operators accepted with `daybook offsets accept-gap`: offsets up to `through` are lost from Kafka. The gap
-- itself enters `gaps` with the first delivery behind it.
CREATE TABLE daybook.accepted_losses
(
    topic_id UUID,
    topic String,
    partition UInt32,
    through Int64,
    by String,
    reason String,
    at DateTime64(3, 'UTC')
)
ENGINE = MergeTree
ORDER BY (topic_id, partition, through)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;

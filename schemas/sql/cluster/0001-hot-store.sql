-- UNTESTED on a cluster: only parsed, by test/contract/hot/sql-files.test.ts. The same tables for several servers.
--
-- Tables are replicated within a shard and not sharded by themselves: to shard, create `events` as `events_local` and
-- the Distributed table at the end of this file. A partition's fence, gaps and events may lie on different shards; the
-- ledgers therefore stay unsharded (one shard, all replicas).
-- Writers set insert_quorum='auto', insert_quorum_parallel=0 and, through the Distributed table,
-- distributed_foreground_insert=1; reads that decide what is written set select_sequential_consistency=1, which the
-- worker always sends. The search for running inserts has to read clusterAllReplicas('daybook', system.processes).

CREATE DATABASE IF NOT EXISTS daybook ON CLUSTER daybook;
CREATE TABLE daybook.events ON CLUSTER daybook
(
    _topic_id UUID CODEC(ZSTD(1)),
    _topic LowCardinality(String),
    _partition UInt32 CODEC(ZSTD(1)),
    _offset Int64 CODEC(DoubleDelta, ZSTD(1)),
    _received_at DateTime64(3, 'UTC') CODEC(DoubleDelta, ZSTD(1)),
    _schema_id UInt32 CODEC(ZSTD(1)),
    _content_hash FixedString(32) CODEC(NONE),
    event_id UUID CODEC(ZSTD(1)),
    tenant_id LowCardinality(String),
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
    _ip IPv6 MATERIALIZED toIPv6OrDefault(ifNull(context_ip, '')) CODEC(ZSTD(1)),
    INDEX actor actor_id TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX target target_id TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX correlation correlation_id TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX ip _ip TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX changed_path changes.path TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX action action TYPE set(100) GRANULARITY 1,
    PROJECTION by_offset (SELECT _topic_id, _partition, _offset, _content_hash ORDER BY _topic_id, _partition, _offset),
    PROJECTION by_event_id (SELECT event_id, _topic_id, _partition, _offset ORDER BY toUInt128(event_id))
)
ENGINE = ReplicatedMergeTree('/clickhouse/tables/{shard}/{database}/{table}', '{replica}')
PARTITION BY toMonday(_received_at)
PRIMARY KEY (tenant_id, occurred_at)
ORDER BY (tenant_id, occurred_at, producer_id, sequence)
TTL toDateTime(_received_at) + INTERVAL 93 DAY
SETTINGS
    ttl_only_drop_parts = 1,
    fsync_after_insert = 1,
    fsync_part_directory = 1,
    min_bytes_for_wide_part = 134217728,
    merge_selector_base = 10,
    replicated_deduplication_window = 0;
CREATE TABLE daybook.gaps ON CLUSTER daybook
(
    topic_id UUID,
    topic LowCardinality(String),
    partition UInt32,
    first Int64,
    last Int64,
    reason Enum8('control' = 1, 'aborted' = 2, 'absent' = 3, 'lost_accepted' = 4, 'quarantined' = 5, 'tombstone' = 6),
    note String,
    by String,
    at DateTime64(3, 'UTC')
)
ENGINE = ReplicatedMergeTree('/clickhouse/tables/{shard}/{database}/{table}', '{replica}')
ORDER BY (topic_id, partition, first, last)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;
CREATE TABLE daybook.fence ON CLUSTER daybook
(
    topic_id UUID,
    topic LowCardinality(String),
    partition UInt32,
    epoch UInt64,
    owner String,
    tip Int64,
    at DateTime64(3, 'UTC')
)
ENGINE = ReplicatedMergeTree('/clickhouse/tables/{shard}/{database}/{table}', '{replica}')
ORDER BY (topic_id, partition, epoch, owner)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;
CREATE TABLE daybook.topics ON CLUSTER daybook
(
    topic String,
    topic_id UUID,
    by String,
    reason String,
    at DateTime64(3, 'UTC')
)
ENGINE = ReplicatedMergeTree('/clickhouse/tables/{shard}/{database}/{table}', '{replica}')
ORDER BY (topic, at)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;
CREATE TABLE daybook.superseded ON CLUSTER daybook
(
    topic_id UUID,
    partition UInt32,
    offset Int64,
    event_id UUID,
    kept_topic_id UUID,
    kept_partition UInt32,
    kept_offset Int64,
    at DateTime64(3, 'UTC')
)
ENGINE = ReplicatedMergeTree('/clickhouse/tables/{shard}/{database}/{table}', '{replica}')
ORDER BY (offset, partition, topic_id)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;
CREATE VIEW daybook.audit ON CLUSTER daybook AS
SELECT * FROM daybook.events
WHERE (_offset, _partition, _topic_id) NOT IN (SELECT offset, partition, topic_id FROM daybook.superseded);
CREATE VIEW daybook.conflicts ON CLUSTER daybook AS
SELECT
    event_id,
    groupUniqArray(tenant_id) AS tenants,
    uniqExact(_content_hash) AS contents,
    groupArray((_topic, _partition, _offset, lower(hex(_content_hash)))) AS copies
FROM daybook.audit
GROUP BY event_id
HAVING contents > 1;
CREATE TABLE daybook.accepted_losses ON CLUSTER daybook
(
    topic_id UUID,
    topic String,
    partition UInt32,
    through Int64,
    by String,
    reason String,
    at DateTime64(3, 'UTC')
)
ENGINE = ReplicatedMergeTree('/clickhouse/tables/{shard}/{database}/{table}', '{replica}')
ORDER BY (topic_id, partition, through)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;

CREATE TABLE daybook.events_all ON CLUSTER daybook AS daybook.events
ENGINE = Distributed(daybook, daybook, events, cityHash64(_topic_id, _partition));

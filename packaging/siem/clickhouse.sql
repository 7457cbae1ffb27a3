-- A table for exectap's lines in the native format. Run with ClickHouse 26.9.2 (chdb); README.md has the commands.
--
-- A line that arrives twice has the same event_id: ReplacingMergeTree keeps one of them, FINAL shows one at once.
-- Keys without a column are not stored (input_format_skip_unknown_fields): add a column for each that is wanted.
-- Lines older than the TTL are removed when ClickHouse merges parts.

CREATE TABLE exectap (
    timestamp DateTime64(9, 'UTC') CODEC(Delta, ZSTD),
    type LowCardinality(String),
    seq UInt64 CODEC(Delta, ZSTD),
    host LowCardinality(String),
    event_id String CODEC(ZSTD),
    id String CODEC(ZSTD),
    parent_id String CODEC(ZSTD),
    pid UInt32,
    ppid UInt32,
    comm LowCardinality(String),
    parent_comm LowCardinality(String),
    parent_args Array(String) CODEC(ZSTD),
    session_leader_id String CODEC(ZSTD),
    entry_id String CODEC(ZSTD),
    entry_type LowCardinality(String),
    filename String CODEC(ZSTD),
    name LowCardinality(String),
    args Array(String) CODEC(ZSTD),
    argc UInt32,
    command_line String DEFAULT arrayStringConcat(args, ' ') CODEC(ZSTD),
    exe LowCardinality(String),
    parent_exe LowCardinality(String),
    cwd LowCardinality(String),
    uid UInt32,
    euid UInt32,
    user LowCardinality(String),
    tty LowCardinality(String),
    container_id LowCardinality(String),
    pod_uid LowCardinality(String),
    systemd_unit LowCardinality(String),
    memfd Bool,
    deleted Bool,
    exit_code Nullable(UInt8),
    signal LowCardinality(String),
    duration Nullable(Float64),
    count Nullable(UInt64),
    reason LowCardinality(String),
    truncated Array(LowCardinality(String)),
    unreadable Array(LowCardinality(String)),
    INDEX words command_line TYPE tokenbf_v1(8192, 3, 0) GRANULARITY 4,
    INDEX ids id TYPE bloom_filter GRANULARITY 4
) ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMMDD(timestamp)
ORDER BY (host, type, timestamp, event_id)
TTL toDateTime(timestamp) + INTERVAL 90 DAY;

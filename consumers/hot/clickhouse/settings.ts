import type { ClickHouseSettings } from '@clickhouse/client'

/** An insert is never larger than this, so that it is one block, hence one part, hence atomic. */
export const MAX_INSERT_ROWS = 500_000
export const MAX_INSERT_BYTES = 64 * 1024 * 1024

/** No block is cut before it could hold the largest insert. */
const BLOCK_ROWS = String(2 * MAX_INSERT_ROWS)
const BLOCK_BYTES = String(64 * MAX_INSERT_BYTES)

/**
 * Pinned for every insert of events, whatever the server's profile says.
 *
 * Block sizes: rows before and after the SELECT are gathered into a single block. One thread: several would make
 * several parts. No deduplication and no async inserts: the tip decides what is held, and an answer means durable.
 * Skip indexes are left to merges: they would cost the insert, and fresh parts are small.
 * A view that somebody attached to the table and that fails is that view's affair: events are inserted all the same.
 */
export const INSERT_SETTINGS: ClickHouseSettings = {
  async_insert: 0,
  wait_end_of_query: 1,
  insert_deduplicate: 0,
  max_block_size: BLOCK_ROWS,
  max_insert_block_size_rows: BLOCK_ROWS,
  min_insert_block_size_rows: BLOCK_ROWS,
  min_insert_block_size_bytes: BLOCK_BYTES,
  input_format_max_block_size_bytes: '0',
  max_insert_threads: '1',
  max_threads: 1,
  input_format_parallel_parsing: 0,
  optimize_on_insert: 0,
  optimize_trivial_insert_select: 0,
  materialize_skip_indexes_on_insert: 0,
  materialized_views_ignore_errors: 1,
  ignore_materialized_views_with_dropped_target_table: 1,
  http_receive_timeout: 10,
  http_send_timeout: 10,
}

/** For the small inserts into ledgers: durable when answered. */
export const LEDGER_SETTINGS: ClickHouseSettings = {
  async_insert: 0,
  wait_end_of_query: 1,
  insert_deduplicate: 0,
}

/**
 * Reads that decide what is written next. On replicated tables they wait for all that was acknowledged. A read whose
 * client has given up ends: what is asked anew would run beside it.
 */
export const READ_SETTINGS: ClickHouseSettings = {
  cancel_http_readonly_queries_on_client_close: 1,
  select_sequential_consistency: '1',
  wait_end_of_query: 1,
}

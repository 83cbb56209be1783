import { ClickHouseError } from '@clickhouse/client'
import { DaybookError, type ErrorCode, type ErrorScope } from '../../../schemas/errors.ts'

/**
 * What an error of the hot store means for the statement that met it.
 * - `refused`: `throwIf` fired: the fence, or a view that somebody attached to the table.
 * - `value`: a row's own value may be what the store cannot read. Only a hint: see rejecting-insert.ts.
 * - `retry`: it may or may not have been written; ask the tip.
 * - `forbidden`: this worker's user is unknown or lacks a grant.
 * - `table`: a table is not as this version needs it.
 * - `unknown`: anything else. It may concern this statement alone, so it stops no more than its partitions.
 */
export type FaultKind = 'refused' | 'value' | 'retry' | 'forbidden' | 'table' | 'unknown'

/**
 * ClickHouse's own codes (src/Common/ErrorCodes.cpp, 26.7). `value` holds only what the value of a row can raise in
 * our insert, each seen there: every other value that Avro can express is read. A code that a changed table raises
 * as well is no hint that a row is bad.
 */
const KIND_BY_CODE: ReadonlyMap<number, FaultKind> = new Map([
  ...kinds('refused', [395]), // FUNCTION_THROW_IF_VALUE_IS_NON_ZERO
  ...kinds('value', [
    117, // INCORRECT_DATA: an enum's index is out of range
    376, // CANNOT_PARSE_UUID
    748, // AVRO_EXCEPTION: a length, count or varint that cannot be, or a body that ends too early
  ]),
  ...kinds('retry', [
    3, // UNEXPECTED_END_OF_FILE
    33, // CANNOT_READ_ALL_DATA
    74, // CANNOT_READ_FROM_FILE_DESCRIPTOR
    107, // FILE_DOESNT_EXIST
    159, // TIMEOUT_EXCEEDED
    202, // TOO_MANY_SIMULTANEOUS_QUERIES
    203, // NO_FREE_CONNECTION
    209, // SOCKET_TIMEOUT
    210, // NETWORK_ERROR
    236, // ABORTED
    241, // MEMORY_LIMIT_EXCEEDED
    242, // TABLE_IS_READ_ONLY
    243, // NOT_ENOUGH_SPACE
    252, // TOO_MANY_PARTS
    285, // TOO_FEW_LIVE_REPLICAS
    319, // UNKNOWN_STATUS_OF_INSERT
    394, // QUERY_WAS_CANCELLED: by a new owner, or by an operator
    425, // SYSTEM_ERROR
    439, // CANNOT_SCHEDULE_TASK
    473, // DEADLOCK_AVOIDED
    734, // QUERY_WAS_CANCELLED_BY_CLIENT
    999, // KEEPER_EXCEPTION
    1000, // POCO_EXCEPTION
  ]),
  ...kinds('forbidden', [
    192, // UNKNOWN_USER
    193, // WRONG_PASSWORD
    194, // REQUIRED_PASSWORD
    497, // ACCESS_DENIED
    516, // AUTHENTICATION_FAILED
  ]),
  ...kinds('table', [
    6, // CANNOT_PARSE_TEXT: a column has another type
    8, // THERE_IS_NO_COLUMN
    10, // NOT_FOUND_COLUMN_IN_BLOCK
    16, // NO_SUCH_COLUMN_IN_TABLE
    20, // NUMBER_OF_COLUMNS_DOESNT_MATCH
    36, // BAD_ARGUMENTS
    38, // CANNOT_PARSE_DATE
    41, // CANNOT_PARSE_DATETIME
    43, // ILLEGAL_TYPE_OF_ARGUMENT
    44, // ILLEGAL_COLUMN
    47, // UNKNOWN_IDENTIFIER
    50, // UNKNOWN_TYPE
    53, // TYPE_MISMATCH
    60, // UNKNOWN_TABLE
    70, // CANNOT_CONVERT_TYPE
    72, // CANNOT_PARSE_NUMBER
    80, // INCORRECT_QUERY
    81, // UNKNOWN_DATABASE
    131, // TOO_LARGE_STRING_SIZE: for a FixedString
    349, // CANNOT_INSERT_NULL_IN_ORDINARY_COLUMN
    407, // DECIMAL_OVERFLOW
    469, // VIOLATED_CONSTRAINT
    675, // CANNOT_PARSE_IPV4
    676, // CANNOT_PARSE_IPV6
    691, // UNKNOWN_ELEMENT_OF_ENUM
  ]),
])

const CODE_BY_KIND: Readonly<Record<FaultKind, ErrorCode>> = {
  refused: 'DAYBOOK_HOT_REFUSED',
  value: 'DAYBOOK_HOT_REJECTED',
  retry: 'DAYBOOK_HOT_UNAVAILABLE',
  forbidden: 'DAYBOOK_HOT_FORBIDDEN',
  table: 'DAYBOOK_HOT_TABLE_CHANGED',
  unknown: 'DAYBOOK_HOT_STOPPED',
}

const REMEDY: Readonly<Record<FaultKind, string>> = {
  refused: 'Another worker has taken a partition of this insert, or a view of the table refused its rows.',
  value: 'It could not read a row.',
  retry: 'The write may or may not have taken effect; it is tried again after the store was asked.',
  forbidden: "Check the name, the password and the grants (schemas/sql/roles.sql) of the worker's user.",
  table:
    'A table is not as this version made it: run `daybook schema register`, and undo what others changed.',
  unknown: 'Look the number up in the documentation of ClickHouse and remove the cause.',
}

/** The ClickHouse error number of a fault made here; null for connection faults. */
export function faultNumber(error: unknown): number | null {
  if (!(error instanceof DaybookError)) return null
  const number = error.details['clickhouseCode']
  return typeof number === 'number' ? number : null
}

/** Null: not an answer of ClickHouse, nor a connection that failed. */
export function faultKind(error: unknown): FaultKind | null {
  if (!(error instanceof DaybookError)) return null
  for (const kind of KINDS) if (error.code === CODE_BY_KIND[kind]) return kind
  return null
}

/** Anything that a call to the store rejected with. Connections that broke, timed out or were aborted are retryable. */
export function hotFault(error: unknown): DaybookError {
  if (error instanceof DaybookError) return error
  if (!(error instanceof ClickHouseError)) return connectionFault(error)
  const number = Number(error.code)
  const kind = KIND_BY_CODE.get(number) ?? 'unknown'
  const scope: ErrorScope = kind === 'forbidden' ? 'worker' : 'partition'
  return new DaybookError(
    CODE_BY_KIND[kind],
    `ClickHouse answered with error ${number} (${error.type ?? 'unnamed'}). ${REMEDY[kind]}`,
    {
      ...{ retryable: kind === 'retry', scope },
      details: { clickhouseCode: number, clickhouseName: error.type ?? null },
    },
  )
}

function connectionFault(error: unknown): DaybookError {
  if (error instanceof TypeError || error instanceof RangeError || error instanceof SyntaxError) throw error
  const code = error instanceof Error && 'code' in error ? String(error.code) : null
  return new DaybookError(
    'DAYBOOK_HOT_UNAVAILABLE',
    `The connection to ClickHouse failed${code === null ? '' : ` (${code})`}. ${REMEDY.retry}`,
    { retryable: true, cause: error, details: { socketCode: code } },
  )
}

function kinds(kind: FaultKind, codes: readonly number[]): [number, FaultKind][] {
  return codes.map((code) => [code, kind])
}

const KINDS = Object.keys(CODE_BY_KIND) as FaultKind[]

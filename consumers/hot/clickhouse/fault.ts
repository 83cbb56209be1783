import { ClickHouseError } from '@clickhouse/client'
import { DaybookError, type ErrorCode } from '../../../schemas/errors.ts'

/**
 * What an error of the hot store means for the write that met it.
 * - `refused`: `throwIf` fired; nothing was written.
 * - `data`: the store cannot hold these rows; nothing was written.
 * - `retry`: it may or may not have been written; ask the tip.
 * - `stop`: configuration, authorisation or schema; a person has to act.
 */
export type FaultKind = 'refused' | 'data' | 'retry' | 'stop'

export const AVRO_EXCEPTION = 748

/** ClickHouse's own codes (src/Common/ErrorCodes.cpp). Anything unknown: stop. */
const KIND_BY_CODE: ReadonlyMap<number, FaultKind> = new Map([
  ...kinds('refused', [395]), // FUNCTION_THROW_IF_VALUE_IS_NON_ZERO
  ...kinds('data', [
    6, // CANNOT_PARSE_TEXT
    26, // CANNOT_PARSE_QUOTED_STRING
    27, // CANNOT_PARSE_INPUT_ASSERTION_FAILED
    34, // UNKNOWN_TYPE... of a value
    38, // CANNOT_PARSE_DATE
    41, // CANNOT_PARSE_DATETIME
    53, // TYPE_MISMATCH
    69, // ARGUMENT_OUT_OF_BOUND
    70, // CANNOT_CONVERT_TYPE
    72, // CANNOT_PARSE_NUMBER
    117, // INCORRECT_DATA
    321, // VALUE_IS_OUT_OF_RANGE_OF_DATA_TYPE
    349, // CANNOT_INSERT_NULL_IN_ORDINARY_COLUMN
    376, // CANNOT_PARSE_UUID
    407, // DECIMAL_OVERFLOW
    441, // CANNOT_PARSE_DOMAIN_VALUE_FROM_STRING
    675, // CANNOT_PARSE_IPV4
    676, // CANNOT_PARSE_IPV6
    691, // UNKNOWN_ELEMENT_OF_ENUM
  ]),
  ...kinds('retry', [
    3, // UNEXPECTED_END_OF_FILE
    33, // CANNOT_READ_ALL_DATA
    74, // CANNOT_READ_FROM_FILE_DESCRIPTOR
    107, // FILE_DOESNT_EXIST
    159, // TIMEOUT_EXCEEDED
    164, // READONLY
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
    AVRO_EXCEPTION, // a body that was cut short; bad rows do not get past the checker (see event-insert.ts)
    999, // KEEPER_EXCEPTION
    1000, // POCO_EXCEPTION
  ]),
  ...kinds('stop', [192, 193, 194, 497, 516]),
])

const CODE_BY_KIND: Readonly<Record<FaultKind, ErrorCode>> = {
  refused: 'DAYBOOK_HOT_REFUSED',
  data: 'DAYBOOK_HOT_REJECTED',
  retry: 'DAYBOOK_HOT_UNAVAILABLE',
  stop: 'DAYBOOK_HOT_STOPPED',
}

const REMEDY: Readonly<Record<FaultKind, string>> = {
  refused: 'Another worker has taken a partition of this insert.',
  data: 'A record of this insert holds a value that the table cannot hold.',
  retry: 'The write may or may not have taken effect; it is tried again after the store was asked.',
  stop: "Check the worker's ClickHouse user, its grants, and that `daybook schema register` ran.",
}

/** The ClickHouse error number of a fault made here; null for connection faults. */
export function faultNumber(error: unknown): number | null {
  if (!(error instanceof DaybookError)) return null
  const number = error.details['clickhouseCode']
  return typeof number === 'number' ? number : null
}

export function faultKind(error: unknown): FaultKind {
  if (!(error instanceof DaybookError)) return 'stop'
  for (const kind of ['refused', 'data', 'retry'] as const) if (error.code === CODE_BY_KIND[kind]) return kind
  return error.retryable ? 'retry' : 'stop'
}

/** Anything that a call to the store rejected with. Connections that broke, timed out or were aborted are retryable. */
export function hotFault(error: unknown): DaybookError {
  if (error instanceof DaybookError) return error
  if (!(error instanceof ClickHouseError)) return connectionFault(error)
  const number = Number(error.code)
  const kind = KIND_BY_CODE.get(number) ?? 'stop'
  return new DaybookError(
    CODE_BY_KIND[kind],
    `ClickHouse answered with error ${number} (${error.type ?? 'unnamed'}). ${REMEDY[kind]}`,
    { retryable: kind === 'retry', details: { clickhouseCode: number, clickhouseName: error.type ?? null } },
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

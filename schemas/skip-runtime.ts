import { isUtf8Between } from './utf8.ts'

/** Why a record is refused. Below `FIRST_FIELD_FAULT`: not that schema's encoding; from there on: a value no store can hold. */
export const SkipFault = {
  TRUNCATED: 1,
  VARINT: 2,
  LENGTH: 3,
  COUNT: 4,
  ENUM_INDEX: 5,
  UNION_INDEX: 6,
  UTF8: 7,
  BOOLEAN: 8,
  BLOCK_SIZE: 9,
  TRAILING: 10,
  DEPTH: 11,
  UUID: 20,
  TIMESTAMP: 21,
} as const

export const FIRST_FIELD_FAULT = 20

/** What a DateTime64(3) column and every reader of the archive hold: from the one, before the other. */
export const TIME_START_MILLIS = Date.UTC(1900, 0, 1)
export const TIME_END_MILLIS = Date.UTC(2300, 0, 1)

export const SKIP_FAULT_TEXT: Readonly<Record<number, string>> = {
  [SkipFault.TRUNCATED]: 'the bytes end in the middle of a value',
  [SkipFault.VARINT]: 'an integer is longer than its type allows',
  [SkipFault.LENGTH]: 'a length is negative or reaches beyond the end',
  [SkipFault.COUNT]: 'an array or map announces more items than bytes are left',
  [SkipFault.ENUM_INDEX]: 'an enum index is out of range',
  [SkipFault.UNION_INDEX]: 'a union index is out of range',
  [SkipFault.UTF8]: 'a string is not UTF-8',
  [SkipFault.BOOLEAN]: 'a boolean is neither 0 nor 1',
  [SkipFault.BLOCK_SIZE]: 'the byte size of an array or map block is wrong',
  [SkipFault.TRAILING]: 'bytes follow the record',
  [SkipFault.DEPTH]: 'records are nested too deeply',
  [SkipFault.UUID]: 'a UUID is not 8-4-4-4-12 hexadecimal digits',
  [SkipFault.TIMESTAMP]: 'a time is not within 1900-01-01..2299-12-31',
}

/** What generated code and its slow paths share. One per skipper; checks do not overlap. */
export interface SkipState {
  /** After a slow path: where reading goes on, or minus the fault. */
  pos: number
  /** False once a value was not in the one form that our own encoder writes. */
  canonical: boolean
  /** Zero-byte items that this record may still have: they cost the sender nothing, so its length bounds them. */
  emptyItems: number
  /** Index of the flattened field that is being checked. */
  field: number
}

const MAX_VARINT_BYTES = 10

/**
 * Any varint of up to 64 bits, from its first byte. Gives the value (rounded beyond 2^53, so compare it only with
 * small bounds) and leaves the next position or minus a fault in `state.pos`.
 */
export function readVarint(b: Buffer, p: number, end: number, state: SkipState): number {
  let value = 0
  let scale = 1
  const limit = p + MAX_VARINT_BYTES
  for (let pos = p; pos < limit; pos++) {
    if (pos >= end) return refuse(state, SkipFault.TRUNCATED)
    const byte = b[pos] ?? 0
    value += (byte & 0x7f) * scale
    scale *= 128
    if (byte < 0x80) {
      if (pos === limit - 1 && byte > 1) return refuse(state, SkipFault.VARINT)
      if (byte === 0 && pos > p) state.canonical = false
      state.pos = pos + 1
      return ((b[p] ?? 0) & 1) === 0 ? value / 2 : -(value + 1) / 2
    }
  }
  return refuse(state, SkipFault.VARINT)
}

function refuse(state: SkipState, fault: number): number {
  state.pos = -fault
  return 0
}

/** `e` when `b[p..e)` is UTF-8, else minus the fault. */
export function skipUtf8(b: Buffer, p: number, e: number): number {
  return isUtf8Between(b, p, e) ? e : -SkipFault.UTF8
}

const UUID_BYTES = 36
const HYPHEN = 0x2d

/** Whether `b[p..e)` is a UUID in text form. Upper-case digits pass, but are not canonical: stores give lower case back. */
export function isUuidText(b: Buffer, p: number, e: number, state?: SkipState): boolean {
  if (e - p !== UUID_BYTES) return false
  for (let i = 0; i < UUID_BYTES; i++) {
    const c = b[p + i] ?? 0
    if (i === 8 || i === 13 || i === 18 || i === 23) {
      if (c !== HYPHEN) return false
    } else if (c >= 0x41 && c <= 0x46) {
      if (state !== undefined) state.canonical = false
    } else if (!((c >= 0x30 && c <= 0x39) || (c >= 0x61 && c <= 0x66))) return false
  }
  return true
}

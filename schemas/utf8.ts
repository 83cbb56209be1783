import { isUtf8 } from 'node:buffer'

/** From this length on, one call into C++ is cheaper than a loop. */
const NATIVE_LENGTH = 256

/**
 * Whether `buf[start..end)` is UTF-8 by RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF.
 * Costs O(end - start).
 */
export function isUtf8Between(buf: Buffer, start: number, end: number): boolean {
  if (end - start >= NATIVE_LENGTH) return isUtf8(buf.subarray(start, end))
  let pos = start
  while (pos < end) {
    const lead = buf[pos] ?? 0
    if (lead < 0x80) {
      pos++
      continue
    }
    const next = afterSequence(buf, pos, end, lead)
    if (next < 0) return false
    pos = next
  }
  return true
}

/** The position after the multi-byte sequence at `pos`, or -1. The second byte's bounds are RFC 3629's table. */
function afterSequence(buf: Buffer, pos: number, end: number, lead: number): number {
  if (lead < 0xc2 || lead > 0xf4) return -1
  const size = lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4
  if (pos + size > end) return -1
  const second = buf[pos + 1] ?? 0
  const low = lead === 0xe0 ? 0xa0 : lead === 0xf0 ? 0x90 : 0x80
  const high = lead === 0xed ? 0x9f : lead === 0xf4 ? 0x8f : 0xbf
  if (second < low || second > high) return -1
  for (let i = 2; i < size; i++) {
    if (((buf[pos + i] ?? 0) & 0xc0) !== 0x80) return -1
  }
  return pos + size
}

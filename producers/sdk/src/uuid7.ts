import { randomFillSync } from 'node:crypto'

const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'))
const POOL_BYTES = 8192
/** rand_a is used as a counter (RFC 9562, method 1); its start leaves room to count within one millisecond. */
const COUNTER_START_MASK = 0x3ff
const COUNTER_MAX = 0xfff

/**
 * Makes UUIDv7 that grow strictly: within one millisecond they count, and where the counter or the clock runs
 * out (a clock set back included) the millisecond part runs ahead of the clock.
 */
export function createUuid7(now: () => number): () => string {
  const pool = Buffer.allocUnsafeSlow(POOL_BYTES)
  let used = POOL_BYTES
  let last = 0
  let counter = 0

  return () => {
    if (used + 10 > POOL_BYTES) {
      randomFillSync(pool)
      used = 0
    }
    const time = now()
    if (time > last) {
      last = time
      counter = pool.readUInt16BE(used) & COUNTER_START_MASK
    } else if (++counter > COUNTER_MAX) {
      last++
      counter = 0
    }
    used += 2
    const id = format(last, counter, pool, used)
    used += 8
    return id
  }
}

function format(time: number, counter: number, random: Buffer, at: number): string {
  const high = Math.floor(time / 0x1_0000_0000)
  const low = time >>> 0
  return `${hex(high >>> 8)}${hex(high)}${hex(low >>> 24)}${hex(low >>> 16)}-${hex(low >>> 8)}${hex(low)}-${hex(
    0x70 | (counter >>> 8),
  )}${hex(counter)}-${hex(0x80 | ((random[at] ?? 0) & 0x3f))}${hex(random[at + 1] ?? 0)}-${tail(random, at + 2)}`
}

function tail(random: Buffer, at: number): string {
  let text = ''
  for (let i = at; i < at + 6; i++) text += hex(random[i] ?? 0)
  return text
}

function hex(byte: number): string {
  return HEX[byte & 0xff] ?? '00'
}

const POLYNOMIAL = 0x82f63b78
const SLICES = 8
const TABLES = tables()

/**
 * CRC-32C (Castagnoli), which Kafka's record batches carry and node:zlib does not know. Eight bytes a step with one
 * table each ("slicing by eight"): four times as fast as a byte at a time.
 */
export function crc32c(bytes: Buffer, start: number, end: number): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset + start, end - start)
  const whole = view.byteLength - (view.byteLength % SLICES)
  let crc = -1
  let at = 0
  for (; at < whole; at += SLICES) {
    const low = view.getInt32(at, true) ^ crc
    const high = view.getInt32(at + 4, true)
    crc =
      entry(0x700 | (low & 0xff)) ^
      entry(0x600 | ((low >>> 8) & 0xff)) ^
      entry(0x500 | ((low >>> 16) & 0xff)) ^
      entry(0x400 | (low >>> 24)) ^
      entry(0x300 | (high & 0xff)) ^
      entry(0x200 | ((high >>> 8) & 0xff)) ^
      entry(0x100 | ((high >>> 16) & 0xff)) ^
      entry(high >>> 24)
  }
  for (; at < view.byteLength; at++) crc = entry((crc ^ view.getUint8(at)) & 0xff) ^ (crc >>> 8)
  return ~crc >>> 0
}

function entry(index: number): number {
  return TABLES[index] ?? 0
}

function tables(): Int32Array {
  const made = new Int32Array(SLICES * 256)
  for (let byte = 0; byte < 256; byte++) {
    let crc = byte
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ ((crc & 1) === 0 ? 0 : POLYNOMIAL)
    made[byte] = crc
  }
  for (let index = 256; index < made.length; index++) {
    const before = made[index - 256] ?? 0
    made[index] = (made[before & 0xff] ?? 0) ^ (before >>> 8)
  }
  return made
}

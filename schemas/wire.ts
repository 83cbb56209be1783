/**
 * The Confluent wire format of a Kafka value: 0x00, the schema id as four bytes big-endian, then the Avro bytes.
 */
export const HEADER_BYTES = 5
const MAGIC = 0

/** A new buffer with the header in front of a copy of `payload`. */
export function frame(schemaId: number, payload: Uint8Array): Buffer {
  const value = Buffer.allocUnsafe(HEADER_BYTES + payload.length)
  writeFrameHeader(value, schemaId)
  value.set(payload, HEADER_BYTES)
  return value
}

/** Writes the five header bytes at `offset`, for callers that already left room for them. */
export function writeFrameHeader(target: Buffer, schemaId: number, offset = 0): void {
  target[offset] = MAGIC
  target.writeUInt32BE(schemaId, offset + 1)
}

/** The schema id of the Kafka value `bytes[start..end)`, or null when it does not begin with a wire-format header. */
export function schemaIdOf(bytes: Uint8Array, start = 0, end: number = bytes.length): number | null {
  if (end - start < HEADER_BYTES || bytes[start] !== MAGIC) return null
  const high = bytes[start + 1] ?? 0
  const low = ((bytes[start + 2] ?? 0) << 16) | ((bytes[start + 3] ?? 0) << 8) | (bytes[start + 4] ?? 0)
  return high * 0x1000000 + low
}

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

/** The schema id of a Kafka value, or null when the value does not begin with a wire-format header. */
export function schemaIdOf(value: Uint8Array): number | null {
  if (value.length < HEADER_BYTES || value[0] !== MAGIC) return null
  const [, a = 0, b = 0, c = 0, d = 0] = value
  return a * 0x1000000 + ((b << 16) | (c << 8) | d)
}

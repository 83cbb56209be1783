import { hash } from 'node:crypto'

const KEY_BYTES = 8

/**
 * The Kafka key: the first 8 bytes of SHA-256 over tenant, target type and target id, each with its UTF-8 length
 * as four bytes big-endian in front. So all events of one object lie in one partition, and no name can be chosen
 * that runs into the next part.
 */
export function keyOf(tenant: string, targetType: string, targetId: string): Buffer {
  const parts = [tenant, targetType, targetId]
  const preimage = Buffer.allocUnsafe(parts.reduce((sum, part) => sum + 4 + part.length * 3, 0))
  let end = 0
  for (const part of parts) {
    const bytes = preimage.write(part, end + 4, 'utf8')
    preimage.writeUInt32BE(bytes, end)
    end += 4 + bytes
  }
  return hash('sha256', preimage.subarray(0, end), 'buffer').subarray(0, KEY_BYTES)
}

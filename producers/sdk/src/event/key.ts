import { hash } from 'node:crypto'

const KEY_BYTES = 8
const PREFIX_BYTES = 4
const preimage = Buffer.allocUnsafeSlow(4096)

/**
 * The Kafka key: the first 8 bytes of SHA-256 over tenant, target type and target id, each with its UTF-8 length
 * as four bytes big-endian in front. So all events of one object lie in one partition, and no name can be chosen
 * that runs into the next part.
 */
export function keyOf(tenant: string, targetType: string, targetId: string): Buffer {
  const most = 3 * PREFIX_BYTES + 3 * (tenant.length + targetType.length + targetId.length)
  const bytes = most <= preimage.length ? preimage : Buffer.allocUnsafe(most)
  const end = append(bytes, append(bytes, append(bytes, 0, tenant), targetType), targetId)
  return hash('sha256', bytes.subarray(0, end), 'buffer').subarray(0, KEY_BYTES)
}

function append(bytes: Buffer, at: number, part: string): number {
  const length = bytes.write(part, at + PREFIX_BYTES, 'utf8')
  bytes.writeUInt32BE(length, at)
  return at + PREFIX_BYTES + length
}

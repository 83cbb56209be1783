import { createHash } from 'node:crypto'

export const KEY_BYTES = 8

/**
 * The Kafka key of an event: the first 8 bytes of SHA-256 over tenant, target type and target id, each as UTF-8 with
 * its byte length in front (four bytes, big-endian). Lengths keep ("a", "bc") and ("ab", "c") apart; the hash keeps
 * personal data out of keys. Events without a target share the key of empty texts within their tenant.
 *
 * Frozen: another layout would move objects to other partitions and break the order of their histories.
 */
export function eventKey(o: {
  readonly tenantId: string
  readonly targetType: string
  readonly targetId: string
}): Buffer {
  const hash = createHash('sha256')
  for (const text of [o.tenantId, o.targetType, o.targetId]) {
    const bytes = Buffer.from(text, 'utf8')
    const length = Buffer.allocUnsafe(4)
    length.writeUInt32BE(bytes.length)
    hash.update(length).update(bytes)
  }
  return hash.digest().subarray(0, KEY_BYTES)
}

import { createHash } from 'node:crypto'
import type { CheckedRecord } from '../../../consumers/engine/contracts.ts'

/** SHA-256 over offset, key and value; null and empty differ. */
export function fakeFingerprint({ record }: CheckedRecord): Buffer {
  const hash = createHash('sha256').update(`${record.offset};`)
  for (const part of [record.key, record.value]) {
    hash.update(part === null ? 'null;' : `${part.length};`)
    if (part !== null) hash.update(part)
  }
  return hash.digest()
}

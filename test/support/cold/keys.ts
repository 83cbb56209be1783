import type { StoredKey } from '../../../runtime/object-store/contract.ts'
import { parseObjectKey, partitionPrefix } from '../../../schemas/archive/key.ts'
import type { TestArchive } from './archive.ts'

/** Keys of the partition's objects, in order. */
export async function keysOf(archive: TestArchive): Promise<StoredKey[]> {
  const keys: StoredKey[] = []
  for await (const entry of archive.bucket.store.list({ prefix: partitionPrefix(archive.partition) })) {
    if ('key' in entry && parseObjectKey(entry.key) !== null) keys.push(entry)
  }
  return keys
}

import type { Metrics } from '../runtime/metrics.ts'
import type { CreateRequest, ObjectStore } from '../runtime/object-store/contract.ts'
import { parseObjectKey } from '../schemas/archive/key.ts'

/** `store`, which counts the archive objects that it creates; statements about the archive are none. */
export function countObjects(store: ObjectStore, metrics: Metrics, topics: readonly string[]): ObjectStore {
  for (const topic of topics) {
    metrics.add('daybook_archive_objects_total', { topic }, 0)
    metrics.add('daybook_archive_bytes_total', { topic }, 0)
  }
  return {
    create: async (request, signal) => {
      const outcome = await store.create(request, signal)
      if (outcome.kind === 'created') count(request, metrics)
      return outcome
    },
    list: (request, signal) => store.list(request, signal),
    read: (version, signal) => store.read(version, signal),
    lockOf: (version, signal) => store.lockOf(version, signal),
    hasObjectLock: (signal) => store.hasObjectLock(signal),
    close: () => store.close(),
  }
}

function count({ key, pieces }: CreateRequest, metrics: Metrics): void {
  const topic = parseObjectKey(key)?.topic
  if (topic === undefined) return
  const bytes = pieces.reduce((sum, piece) => sum + piece.length, 0)
  metrics.add('daybook_archive_objects_total', { topic })
  metrics.add('daybook_archive_bytes_total', { topic }, bytes)
}

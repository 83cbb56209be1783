import type { ObjectStore } from '../../../runtime/object-store/contract.ts'

/** A store that does as `store`, but for what is given. */
export function storeWith(store: ObjectStore, changes: Partial<ObjectStore>): ObjectStore {
  return {
    create: (request, signal) => store.create(request, signal),
    list: (request, signal) => store.list(request, signal),
    read: (o, signal) => store.read(o, signal),
    lockOf: (o, signal) => store.lockOf(o, signal),
    hasObjectLock: (signal) => store.hasObjectLock(signal),
    close: () => store.close(),
    ...changes,
  }
}

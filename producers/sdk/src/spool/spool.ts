import type { Backlog } from './backlog.ts'
import type { Item } from './entry.ts'
import type { SpoolRecord } from './record.ts'

/**
 * `spooled`: stands in the file, survives kill -9; after a power cut it may be missing until the next fsync.
 * `buffered`: in memory only. `refused`: not recorded.
 */
export type AppendOutcome = 'spooled' | 'buffered' | 'refused'

export interface Spool {
  readonly kind: 'file' | 'memory'
  readonly backlog: Backlog
  readonly capBytes: number
  readonly bytes: number
  /** Why the spool cannot write now; null while it can. */
  readonly failure: unknown
  /** Copies the record. Synchronous, without fsync; never throws. */
  append(record: SpoolRecord): AppendOutcome
  /** What dead processes left in the directory, to be sent; they are this spool's from now on. */
  adopt(): Promise<readonly Item[]>
  /** Keeps an event that can never be sent beside the spool. Returns where. */
  setAside(name: string, bytes: Buffer): Promise<string | null>
  /** `drained`: nothing is left to send, so nothing needs to stay on disk. */
  close(drained: boolean): Promise<void>
}

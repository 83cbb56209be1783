import type { CompactRange } from '../../proof/compact-range.ts'
import { emptyFrontier } from '../../proof/compact-range.ts'
import type { TipRecord } from '../engine/contracts.ts'

/** Where the archive of one partition ends. Minutes are in milliseconds since the Unix epoch. */
export interface TreeState {
  /** The last offset that the archive has dealt with; null: nothing yet. */
  readonly last: bigint | null
  /** The last record; its hash is that of its leaf. Null where another reader version found it. */
  readonly lastRecord: TipRecord | null
  /** Of the last object; the next object's minute is not before it. 0 before the first object. */
  readonly minute: number
  /** Of the last object, before the first one that of the init record: for ranges without a time that counts. */
  readonly quietMinute: number
  readonly frontier: CompactRange
  /** Key of the last object. */
  readonly key: string | null
}

/** The state of a tree that was started in the minute `quietMinute` and holds nothing yet. */
export function emptyTree(quietMinute: number): TreeState {
  return { last: null, lastRecord: null, minute: 0, quietMinute, frontier: emptyFrontier, key: null }
}

export function nextOffset(state: TreeState): bigint {
  return state.last === null ? 0n : state.last + 1n
}

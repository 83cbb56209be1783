import type { CompactRange } from '../../proof/compact-range.ts'
import { emptyFrontier } from '../../proof/compact-range.ts'
import type { TipRecord } from '../engine/contracts.ts'

/** Where the archive of one partition ends. */
export interface TreeState {
  /** The last offset that the archive has dealt with; null: nothing yet. */
  readonly last: bigint | null
  /** The last record; its hash is that of its leaf. */
  readonly lastRecord: TipRecord | null
  /** Of the last object, milliseconds since the Unix epoch; the next object's minute is not before it. */
  readonly minute: number
  readonly frontier: CompactRange
  /** Key of the last object. */
  readonly key: string | null
}

export const emptyTree: TreeState = {
  last: null,
  lastRecord: null,
  minute: 0,
  frontier: emptyFrontier,
  key: null,
}

export function nextOffset(state: TreeState): bigint {
  return state.last === null ? 0n : state.last + 1n
}

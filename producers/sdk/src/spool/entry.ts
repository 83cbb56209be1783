import type { DaybookError } from '../../../../schemas/errors.ts'
import type { Segment } from './segment.ts'

/** One event on its way, in memory. */
export interface Entry {
  readonly kind: 'entry'
  readonly sequence: number
  readonly key: Buffer
  readonly retention: string
  /** Wire-format frame; its schema id is filled in when it is sent. */
  readonly value: Buffer
  /** The schema that wrote `value`. */
  readonly schema: string
  /** Bytes in the spool. */
  readonly bytes: number
  /** Where it stands on disk; null when it is only in memory. */
  readonly segment: Segment | null
  /** Position behind it in its segment. */
  readonly end: number
  /** Events of this process, whose sequence numbers its callers know. */
  readonly own: boolean
  settled: boolean
  /** Why the broker never takes it; null otherwise. */
  rejected: DaybookError | null
}

/** Events that stand on disk only: `from` to `to` of one segment. */
export interface Span {
  readonly kind: 'span'
  readonly segment: Segment
  readonly own: boolean
  from: number
  to: number
}

/** Nothing of the segment comes after this: `pass` is called when everything before it is settled. */
export interface Marker {
  readonly kind: 'marker'
  readonly settled: true
  pass(): void
}

export type Item = Entry | Span | Marker

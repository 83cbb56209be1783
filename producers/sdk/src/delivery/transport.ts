import type { DaybookError } from '../../../../schemas/errors.ts'
import type { Entry } from '../spool/entry.ts'

/** What `createAuditLog` passes to its transport. */
export interface TransportHost {
  readonly clientId: string
}

/** A description of where events go; opened by `createAuditLog`, which owns the connection. */
export interface Transport {
  readonly name: string
  /** The retention class of events that state none. */
  readonly defaultRetention: string
  /** True when there is a topic for events of this retention class. */
  accepts(retention: string): boolean
  /** No I/O: connecting happens at the first send. */
  open(host: TransportHost): Connection
}

export interface Rejection {
  readonly entry: Entry
  readonly error: DaybookError
}

export type SendOutcome =
  /** Every record stands in the log of all in-sync replicas, but for those that can never be accepted. */
  | {
      readonly kind: 'acknowledged'
      readonly rejected: readonly Rejection[]
      /** Producer clock minus broker clock, as this exchange bounds it. */
      readonly clock: { readonly offsetMs: number; readonly roundTripMs: number } | null
    }
  /** Nothing is known of the batch: the caller sends the same array again, nothing else on that lane before it. */
  | { readonly kind: 'failed'; readonly error: DaybookError }

export interface Connection {
  /** Independent streams. Records of one key always take the same lane, and one lane keeps their order. */
  readonly lanes: number
  readonly maxBatchBytes: number
  readonly maxBatchRecords: number
  /** Never rejects. At most one unresolved call per lane. */
  send(lane: number, batch: readonly Entry[]): Promise<SendOutcome>
  close(): Promise<void>
}

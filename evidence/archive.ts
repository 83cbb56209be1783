import type { ProofCrypto } from '../proof/crypto.ts'
import type { ObjectStore } from '../runtime/object-store/contract.ts'

/** An archive as compliance reads it: needs no Kafka, no registry and no worker's configuration. */
export interface Archive {
  readonly store: ObjectStore
  /** Public keys, 32 bytes each, whose signatures count. */
  readonly publicKeys: readonly Uint8Array[]
  readonly crypto: ProofCrypto
}

/** From `fromMs` (included) to `toMs` (not included), milliseconds since the Unix epoch. */
export interface TimeRange {
  readonly fromMs?: number
  readonly toMs?: number
}

export function isWithin(time: number, range: TimeRange | undefined): boolean {
  return (
    time >= (range?.fromMs ?? Number.NEGATIVE_INFINITY) && time < (range?.toMs ?? Number.POSITIVE_INFINITY)
  )
}

/** True when any time of min..max, both included, is within the range. */
export function overlaps(
  span: { readonly min: number; readonly max: number },
  range: TimeRange | undefined,
): boolean {
  return (
    span.max >= (range?.fromMs ?? Number.NEGATIVE_INFINITY) &&
    span.min < (range?.toMs ?? Number.POSITIVE_INFINITY)
  )
}

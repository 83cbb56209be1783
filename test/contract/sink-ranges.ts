import type { CheckedRecord, Gap, PartitionRef, Range } from '../../consumers/engine/contracts.ts'
import { totalBytes } from '../../consumers/engine/range.ts'

export type Shape = (kind: 'event' | 'tombstone' | 'bad', offset: bigint) => CheckedRecord

const KINDS = { e: 'event', t: 'tombstone', b: 'bad' } as const
const REASONS = { '-': 'control', '.': 'aborted' } as const

/** A range from a picture: e event, t tombstone, b bad record, - control record, . aborted record. Ends with a record. */
export function rangeOf(record: Shape, partition: PartitionRef, first: bigint, picture: string): Range {
  const records: CheckedRecord[] = []
  const gaps: Gap[] = []
  for (const [at, mark] of [...picture].entries()) {
    const offset = first + BigInt(at)
    if (mark === 'e' || mark === 't' || mark === 'b') records.push(record(KINDS[mark], offset))
    else if (mark === '-' || mark === '.') gaps.push({ first: offset, last: offset, reason: REASONS[mark] })
    else throw new RangeError(`unknown mark ${mark}`)
  }
  const last = first + BigInt(picture.length) - 1n
  return { partition, first, last, records, gaps, bytes: totalBytes(records) }
}

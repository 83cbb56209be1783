import { DaybookError } from '../../schemas/errors.ts'
import type { Range } from '../engine/contracts.ts'

/** A range that would leave a hole is never signed. */
export function notAtTip(range: Range, next: bigint): DaybookError {
  const { topic, topicId, partition } = range.partition
  return new DaybookError(
    'DAYBOOK_COLD_NOT_AT_TIP',
    `The archive of ${topic}, partition ${partition}, goes on at offset ${next}, but the range to write begins at ${range.first}.`,
    { details: { topic, topicId, partition, first: range.first, next } },
  )
}

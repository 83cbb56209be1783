import { DaybookError } from '../../../schemas/errors.ts'
import type { PartitionRef } from '../../engine/contracts.ts'

/** The log no longer, or not yet, holds the offset that comes next. The source never moves a position by itself. */
export function offsetOutOfRange({ topic, topicId, partition }: PartitionRef, offset: bigint): DaybookError {
  return new DaybookError(
    'DAYBOOK_KAFKA_OFFSET_OUT_OF_RANGE',
    `${topic}/${partition}: offset ${offset} is not in Kafka's log any more (retention) or not there yet (a log ` +
      'that was cut); the partition is tried again, and the worker then compares the store with the log and says what is missing',
    { details: { topic, topicId, partition, offset } },
  )
}

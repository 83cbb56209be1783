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

/** What the log held from `cutAt` on is not what was read of it: others stand under the same offsets. */
export function logCut(
  { topic, topicId, partition }: PartitionRef,
  cutAt: bigint,
  position: bigint,
): DaybookError {
  return new DaybookError(
    'DAYBOOK_KAFKA_OFFSET_OUT_OF_RANGE',
    `${topic}/${partition}: Kafka's log was cut at offset ${cutAt} and has grown again, while everything before ${position} ` +
      'was read; the partition is tried again, and the worker then compares the store with the log and says what differs',
    { details: { topic, topicId, partition, cutAt, position } },
  )
}

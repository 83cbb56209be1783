import { DaybookError } from '../../schemas/errors.ts'
import type { LogBounds, PartitionRef } from '../engine/contracts.ts'
import { type InitRecord, otherTopicIds, readInit, recreated, writeInit } from './init.ts'
import type { ColdContext } from './options.ts'

/** Of the init record that a worker makes by itself. */
const ADDED = 'partition added'

/**
 * The init record of a partition that the archive holds no object of. It is asked for anew at each call, so that a
 * partition that was refused goes on as soon as an operator has started its tree.
 *
 * A partition that was added to a topic whose archive was started gets its record here, if Kafka's log still begins
 * at offset 0: then its tree leaves nothing out. A partition whose log has lost its beginning is an operator's to start.
 * @throws DaybookError DAYBOOK_COLD_NOT_INITIALISED, DAYBOOK_COLD_TOPIC_RECREATED, DAYBOOK_COLD_CONTRADICTED, DAYBOOK_S3_…
 */
export async function startOfTree(
  context: ColdContext,
  partition: PartitionRef,
  log: LogBounds | null | undefined,
  signal?: AbortSignal,
): Promise<InitRecord> {
  const known = await readInit(context, partition, signal)
  if (known !== null) return known
  if (log?.logStart === 0n && (await isTopicStarted(context, partition, signal))) {
    await writeInit(context, partition, { reason: ADDED, log_start: '0' }, signal)
    const written = await readInit(context, partition, signal)
    if (written !== null) return written
  }
  const others = await otherTopicIds(context, partition, signal)
  if (others.length > 0) throw recreated(partition, others)
  throw notInitialised(partition)
}

/**
 * Whether an operator has started the archive of this topic: its first partition has an init record. Where a stranger
 * has put something in the place of that one, the next partition's counts.
 */
async function isTopicStarted(
  context: ColdContext,
  added: PartitionRef,
  signal?: AbortSignal,
): Promise<boolean> {
  for (let partition = 0; partition < added.partition; partition++) {
    try {
      return (await readInit(context, { ...added, partition }, signal)) !== null
    } catch (error) {
      if (!(error instanceof DaybookError) || error.code !== 'DAYBOOK_COLD_CONTRADICTED') throw error
    }
  }
  return false
}

function notInitialised({ topic, topicId, partition }: PartitionRef): DaybookError {
  return new DaybookError(
    'DAYBOOK_COLD_NOT_INITIALISED',
    `The archive of topic ${topic} (id ${topicId}), partition ${partition}, was never started. If this topic is to be archived from its beginning, run \`daybook archive init --topic ${topic}\`.`,
    { details: { topic, topicId, partition } },
  )
}

import { type InitOutcome, type InitRequest, initArchive } from '../consumers/cold/init.ts'
import type { ColdContext, TamperingReport } from '../consumers/cold/options.ts'
import { createColdContext } from '../consumers/cold-context.ts'
import type { PartitionRef } from '../consumers/engine/contracts.ts'
import { describeTopics } from '../consumers/kafka/topics/describe-topics.ts'
import { kafkaOf } from '../consumers/worker.ts'
import { allEnded } from '../runtime/all-ended.ts'
import type { Environment } from '../runtime/config.ts'
import { type ColdConfig, readColdConfig } from '../runtime/worker-config.ts'

export interface TopicInitOptions extends Omit<InitRequest, 'partition'> {
  readonly config: ColdConfig
  readonly onTampering: (report: TamperingReport) => void
  readonly signal?: AbortSignal
}

export interface PartitionInit {
  readonly partition: PartitionRef
  readonly outcome: InitOutcome
}

/**
 * Starts the tree of every partition of `config.topics` that has none yet; the answer has every partition, in order.
 * @throws what `initArchive` and `describeTopics` throw
 */
export async function initTopicArchives(options: TopicInitOptions): Promise<readonly PartitionInit[]> {
  const { config, onTampering, signal, ...request } = options
  const { clusterId, partitions } = await describeTopics(kafkaOf(config), config.topics)
  return initPartitions(createColdContext({ config, clusterId, onTampering }), partitions, {
    ...request,
    signal,
  })
}

/** The same of `partitions`. Closes the store of `context`, once nothing uses it any more. */
export async function initPartitions(
  context: ColdContext,
  partitions: readonly PartitionRef[],
  { signal, ...request }: Omit<InitRequest, 'partition'> & { readonly signal?: AbortSignal | undefined },
): Promise<readonly PartitionInit[]> {
  const started = partitions.map(async (partition) => ({
    partition,
    outcome: await initArchive(context, { partition, ...request }, signal),
  }))
  return allEnded(started).finally(() => context.store.close())
}

/** The same with what a worker's environment names, at a first start. */
export async function initArchiveOf(env: Environment, reason: string): Promise<void> {
  await initTopicArchives({ config: readColdConfig(env), reason, onTampering: () => {} })
}

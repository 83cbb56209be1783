import { initArchive } from '../../../consumers/cold/init.ts'
import { createColdContext } from '../../../consumers/cold-context.ts'
import { describeTopics } from '../../../consumers/kafka/topics/describe-topics.ts'
import { kafkaOf } from '../../../consumers/worker.ts'
import { readColdConfig } from '../../../runtime/worker-config.ts'

/** Starts the tree of every partition that has none yet. Returns how many were started. */
export async function initLocalArchive(env: Readonly<Record<string, string | undefined>>): Promise<number> {
  const config = readColdConfig(env)
  const { clusterId, partitions } = await describeTopics(kafkaOf(config), config.topics)
  const context = createColdContext({ config, clusterId, onTampering: () => {} })
  const outcomes = await Promise.all(
    partitions.map((partition) => initArchive(context, { partition, reason: 'local start' })),
  )
  return outcomes.filter((outcome) => outcome.kind === 'initialised').length
}

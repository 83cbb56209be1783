import type { Cluster, Kafka } from 'kafkajs'

/**
 * Writes offset 0 for all partitions of an empty group, as a tool from outside would. `admin.setOffsets` of kafkajs joins
 * the group once for each topic to do that, which takes many seconds.
 */
export async function rewindCommits(
  kafka: Kafka,
  groupId: string,
  topics: readonly string[],
  partitions: number,
): Promise<void> {
  const cluster = clusterOf(kafka)
  await cluster.connect()
  try {
    const coordinator = await cluster.findGroupCoordinator({ groupId })
    await coordinator.offsetCommit({
      ...{ groupId, groupGenerationId: -1, memberId: '' },
      topics: topics.map((topic) => ({
        topic,
        partitions: Array.from({ length: partitions }, (_, partition) => ({ partition, offset: '0' })),
      })),
    })
  } finally {
    await cluster.disconnect()
  }
}

/** The low-level client, which kafkajs hands to assigners only. */
function clusterOf(kafka: Kafka): Cluster {
  const captured: { cluster: Cluster | null } = { cluster: null }
  kafka.consumer({
    groupId: 'faults-none',
    partitionAssigners: [
      ({ cluster }) => {
        captured.cluster = cluster
        return {
          ...{ name: 'none', version: 0, assign: async () => [] },
          protocol: () => ({ name: 'none', metadata: Buffer.alloc(0) }),
        }
      },
    ],
  })
  if (captured.cluster === null) throw new Error('kafkajs gave no cluster to the assigner')
  return captured.cluster
}

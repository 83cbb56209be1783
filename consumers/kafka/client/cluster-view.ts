import type { Cluster } from 'kafkajs'
import { DaybookError } from '../../../schemas/errors.ts'
import type { Committed, LogBounds, PartitionRef } from '../../engine/contracts.ts'
import { partitionKey } from '../../engine/contracts.ts'
import { FETCH_API } from '../protocol/fetch-request.ts'
import { requestOffsets } from '../protocol/list-offsets-request.ts'
import { type ClusterMetadata, requestMetadata, type TopicMetadata } from '../protocol/metadata-request.ts'
import { BROKER_ERROR, brokerError } from './broker-errors.ts'
import { type BrokerHandle, brokerHandle } from './kafkajs-internals.ts'

/** Questions to the cluster that kafkajs has no call for, over kafkajs's own connections. */
export interface ClusterView {
  broker(nodeId: number): Promise<BrokerHandle>
  /** Asks any broker; errors of single topics are in the answer. */
  metadata(topics: readonly string[]): Promise<ClusterMetadata>
  /** By `partitionKey`. Rejects when any of the partitions cannot be asked. */
  bounds(partitions: readonly PartitionRef[]): Promise<ReadonlyMap<string, LogBounds>>
  /** By `partitionKey`; a partition that cannot be asked has its error instead. Rejects when no broker answers. */
  eachBounds(partitions: readonly PartitionRef[]): Promise<ReadonlyMap<string, LogBounds | DaybookError>>
  /** By `partitionKey`; null where nothing is committed. */
  committed(
    groupId: string,
    partitions: readonly PartitionRef[],
  ): Promise<ReadonlyMap<string, Committed | null>>
  /** Makes kafkajs learn of new brokers and leaders. */
  refresh(): Promise<void>
}

export function createClusterView(cluster: Cluster): ClusterView {
  const broker = async (nodeId: number): Promise<BrokerHandle> => {
    const handle = brokerHandle(await cluster.findBroker({ nodeId: String(nodeId) }))
    assertSpeaksTopicIds(handle)
    return handle
  }
  const metadata = async (topics: readonly string[]): Promise<ClusterMetadata> => {
    let failure: unknown = new DaybookError('DAYBOOK_KAFKA_BROKER', 'no broker is known', { retryable: true })
    for (const nodeId of cluster.getNodeIds()) {
      try {
        return await requestMetadata(await broker(nodeId), topics)
      } catch (error) {
        failure = error
      }
    }
    throw failure
  }
  return {
    broker,
    metadata,
    bounds: (partitions) => readBounds({ broker, metadata }, partitions),
    eachBounds: (partitions) => readEachBounds({ broker, metadata }, partitions),
    committed: (groupId, partitions) => readCommitted(cluster, groupId, partitions),
    refresh: () => cluster.refreshMetadata(),
  }
}

function assertSpeaksTopicIds(handle: BrokerHandle): void {
  const max = handle.maxVersion(FETCH_API.apiKey)
  if (max >= FETCH_API.apiVersion) return
  throw new DaybookError(
    'DAYBOOK_KAFKA_BROKER_TOO_OLD',
    `broker ${handle.nodeId} fetches up to protocol version ${max}, ${FETCH_API.apiVersion} is needed: ` +
      'run Kafka 3.1 or newer',
    { details: { nodeId: handle.nodeId, max } },
  )
}

/** @throws DaybookError DAYBOOK_KAFKA_TOPIC_MISSING (retryable: metadata may still travel), or as `brokerError`. */
export function requireTopic(metadata: ClusterMetadata, topic: string): TopicMetadata {
  const found = metadata.topics.find((candidate) => candidate.topic === topic)
  if (found === undefined || found.errorCode === BROKER_ERROR.unknownTopicOrPartition) {
    throw new DaybookError(
      'DAYBOOK_KAFKA_TOPIC_MISSING',
      `topic ${topic} does not exist: create it (see docs/operate), or correct DAYBOOK_TOPICS`,
      { retryable: true, details: { topic } },
    )
  }
  if (found.errorCode !== 0) throw brokerError(found.errorCode, `topic ${topic}`)
  return found
}

async function readBounds(
  view: Pick<ClusterView, 'broker' | 'metadata'>,
  partitions: readonly PartitionRef[],
): Promise<ReadonlyMap<string, LogBounds>> {
  const bounds = new Map<string, LogBounds>()
  for (const [key, answer] of await readEachBounds(view, partitions)) {
    if (answer instanceof DaybookError) throw answer
    bounds.set(key, answer)
  }
  return bounds
}

async function readEachBounds(
  view: Pick<ClusterView, 'broker' | 'metadata'>,
  partitions: readonly PartitionRef[],
): Promise<ReadonlyMap<string, LogBounds | DaybookError>> {
  const answers = new Map<string, LogBounds | DaybookError>()
  if (partitions.length === 0) return answers
  const metadata = await view.metadata([...new Set(partitions.map(({ topic }) => topic))])
  const byLeader = new Map<number, PartitionRef[]>()
  for (const ref of partitions) {
    const leader = attempt(() => leaderOf(metadata, ref))
    if (leader instanceof DaybookError) answers.set(partitionKey(ref), leader)
    else byLeader.set(leader, [...(byLeader.get(leader) ?? []), ref])
  }
  for (const [leader, refs] of byLeader) {
    const broker = await view.broker(leader)
    const starts = await requestOffsets(broker, refs, 'earliest')
    const ends = await requestOffsets(broker, refs, 'latest')
    for (const ref of refs) {
      answers.set(
        partitionKey(ref),
        attempt(() => ({ logStart: listed(starts, ref), logEnd: listed(ends, ref) })),
      )
    }
  }
  return answers
}

function attempt<T>(act: () => T): T | DaybookError {
  try {
    return act()
  } catch (error) {
    if (error instanceof DaybookError) return error
    throw error
  }
}

export function leaderOf(metadata: ClusterMetadata, ref: PartitionRef): number {
  const { partitions } = requireTopic(metadata, ref.topic)
  const found = partitions.find(({ partition }) => partition === ref.partition)
  if (found !== undefined && found.leader >= 0) return found.leader
  throw new DaybookError('DAYBOOK_KAFKA_BROKER', `${ref.topic}/${ref.partition} has no leader`, {
    retryable: true,
    details: { topic: ref.topic, partition: ref.partition },
  })
}

type Listed = Awaited<ReturnType<typeof requestOffsets>>

function listed(answers: Listed, { topic, partition }: PartitionRef): bigint {
  const found = answers.find((answer) => answer.topic === topic && answer.partition === partition)
  const errorCode = found?.errorCode ?? BROKER_ERROR.unknownTopicOrPartition
  if (found === undefined || errorCode !== 0) throw brokerError(errorCode, `offsets of ${topic}/${partition}`)
  return found.offset
}

async function readCommitted(
  cluster: Cluster,
  groupId: string,
  partitions: readonly PartitionRef[],
): Promise<ReadonlyMap<string, Committed | null>> {
  const committed = new Map<string, Committed | null>()
  if (partitions.length === 0) return committed
  const coordinator = await cluster.findGroupCoordinator({ groupId })
  const topics = [...Map.groupBy(partitions, ({ topic }) => topic)].map(([topic, refs]) => ({
    topic,
    partitions: refs.map(({ partition }) => ({ partition, offset: '' })),
  }))
  const { responses } = await coordinator.offsetFetch({ groupId, topics })
  const found = new Map<string, Committed>()
  for (const { topic, partitions: offsets } of responses) {
    for (const committed of offsets) {
      const { partition, offset } = committed
      // kafkajs decodes it, but its types do not say so.
      const text: unknown = Reflect.get(committed, 'metadata')
      const note = typeof text === 'string' && text !== '' ? text : null
      found.set(`${topic}/${partition}`, { position: BigInt(offset), note })
    }
  }
  for (const ref of partitions) {
    const mark = found.get(`${ref.topic}/${ref.partition}`)
    committed.set(partitionKey(ref), mark === undefined || mark.position < 0n ? null : mark)
  }
  return committed
}

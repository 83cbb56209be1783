import type { Cluster } from 'kafkajs'
import { DaybookError } from '../../../schemas/errors.ts'
import type { LogBounds, PartitionRef } from '../../engine/contracts.ts'
import { type DescribedConfig, RESOURCE, requestConfigs } from '../protocol/describe-configs-request.ts'
import { FETCH_API } from '../protocol/fetch-request.ts'
import { requestCoordinator } from '../protocol/group-requests.ts'
import { type ClusterMetadata, requestMetadata } from '../protocol/metadata-request.ts'
import { brokerError, clientError } from './broker-errors.ts'
import { type BrokerHandle, brokerHandle } from './kafkajs-internals.ts'
import { type PartitionState, readBounds, readCommitted, readFacts } from './partition-facts.ts'

/** Questions to the cluster that kafkajs has no call for, over kafkajs's own connections. */
export interface ClusterView {
  broker(nodeId: number): Promise<BrokerHandle>
  /** The broker that coordinates a group now. */
  coordinator(groupId: string): Promise<BrokerHandle>
  /** Asks any broker; errors of single topics are in the answer. */
  metadata(topics: readonly string[]): Promise<ClusterMetadata>
  /** Settings of topics from any broker; errors of single topics are in the answer. */
  topicConfigs(topics: readonly string[]): Promise<readonly DescribedConfig[]>
  /** A broker's own settings. */
  brokerConfig(nodeId: number): Promise<DescribedConfig | undefined>
  /** See `readFacts`. */
  facts(groupId: string, partitions: readonly PartitionRef[]): Promise<ReadonlyMap<string, PartitionState>>
  /** By `partitionKey`. Rejects when any of the partitions cannot be asked. */
  bounds(partitions: readonly PartitionRef[]): Promise<ReadonlyMap<string, LogBounds>>
  /** By `partitionKey`; a partition that cannot be asked has its error instead. Rejects when no broker answers. */
  eachBounds(partitions: readonly PartitionRef[]): ReturnType<typeof readBounds>
  /** By `partitionKey`; null where nothing is committed. Rejects when any of them cannot be asked. */
  committed(groupId: string, partitions: readonly PartitionRef[]): Promise<ReadonlyMap<string, bigint | null>>
}

export function createClusterView(cluster: Cluster): ClusterView {
  const broker = async (nodeId: number): Promise<BrokerHandle> => {
    const handle = brokerHandle(await cluster.findBroker({ nodeId: String(nodeId) }))
    assertSpeaksTopicIds(handle)
    return handle
  }
  // Heartbeats ask too: a broker that does not answer must not be asked first by each of them.
  let answered: number | null = null
  const ofAny = async <T>(ask: (broker: BrokerHandle) => Promise<T>): Promise<T> => {
    let failure: unknown = new DaybookError('DAYBOOK_KAFKA_BROKER', 'no broker is known', { retryable: true })
    const known = cluster.getNodeIds()
    for (const nodeId of known.toSorted((a, b) => Number(b === answered) - Number(a === answered))) {
      try {
        const answer = await ask(await broker(nodeId))
        answered = nodeId
        return answer
      } catch (error) {
        failure = error
      }
    }
    throw clientError(failure, 'cluster')
  }
  const view: ClusterView = {
    broker,
    coordinator: async (groupId) => {
      const { errorCode, nodeId } = await ofAny((handle) => requestCoordinator(handle, groupId))
      if (errorCode !== 0) throw brokerError(errorCode, `coordinator of group ${groupId}`)
      return broker(nodeId)
    },
    metadata: (topics) => ofAny((handle) => requestMetadata(handle, topics)),
    topicConfigs: (topics) =>
      ofAny((handle) =>
        requestConfigs(
          handle,
          topics.map((name) => ({ type: RESOURCE.topic, name })),
        ),
      ),
    brokerConfig: async (nodeId) => {
      const [found] = await requestConfigs(await broker(nodeId), [
        { type: RESOURCE.broker, name: String(nodeId) },
      ])
      return found
    },
    facts: (groupId, partitions) => readFacts(view, groupId, partitions),
    eachBounds: (partitions) => readBounds(view, partitions),
    bounds: async (partitions) => {
      const bounds = await readBounds(view, partitions)
      return new Map(
        [...bounds].map(([key, answer]) => {
          const { logStart, logEnd, readableEnd } = successOf(answer)
          return [key, { logStart, logEnd, readableEnd }]
        }),
      )
    },
    committed: async (groupId, partitions) => {
      const offsets = await readCommitted(view, groupId, partitions)
      return new Map([...offsets].map(([key, answer]) => [key, successOf(answer).committed]))
    },
  }
  return view
}

function successOf<T extends { readonly ok: true }>(
  answer: T | { readonly ok: false; readonly error: DaybookError },
): T {
  if (!answer.ok) throw answer.error
  return answer
}

/** @throws DaybookError DAYBOOK_KAFKA_BROKER_TOO_OLD */
export function assertSpeaksTopicIds(handle: BrokerHandle): void {
  const max = handle.maxVersion(FETCH_API.apiKey)
  if (max >= FETCH_API.apiVersion) return
  throw new DaybookError(
    'DAYBOOK_KAFKA_BROKER_TOO_OLD',
    `broker ${handle.nodeId} fetches up to protocol version ${max}, ${FETCH_API.apiVersion} is needed: ` +
      'run Kafka 3.1 or newer',
    { scope: 'worker', details: { nodeId: handle.nodeId, max } },
  )
}

import type { Cluster, Kafka } from 'kafkajs'
import { DaybookError } from '../../../schemas/errors.ts'
import { requestMetadata } from '../protocol/metadata-request.ts'
import { clientError } from './broker-errors.ts'
import { assertSpeaksTopicIds, type ClusterView, createClusterView } from './cluster-view.ts'
import { brokerHandle, takeAnswersUncopied, wrapCreatedBrokers } from './kafkajs-internals.ts'

export interface OpenCluster {
  readonly view: ClusterView
  close(): Promise<void>
}

/** Connects without joining any group. */
export async function openCluster(kafka: Kafka): Promise<OpenCluster> {
  const cluster = clusterOf(kafka)
  try {
    await connectCluster(cluster)
  } catch (error) {
    // Callers that ask again would pile up what it holds.
    await cluster.disconnect().catch(() => undefined)
    throw error
  }
  return { view: createClusterView(cluster), close: () => cluster.disconnect() }
}

/**
 * kafkajs's connections to a cluster, not connected yet. It hands them to partition assigners only, so a consumer is
 * made for that and never run. Its own metadata requests ask for brokers and no topic: it takes one topic's error
 * (missing, not authorised, a partition without leader, of whomever) for a failure of all.
 */
export function clusterOf(kafka: Kafka): Cluster {
  const captured: { cluster: Cluster | null } = { cluster: null }
  kafka.consumer({
    groupId: 'daybook-none',
    allowAutoTopicCreation: false,
    partitionAssigners: [
      ({ cluster }) => {
        captured.cluster = cluster
        return {
          name: 'none',
          version: 0,
          assign: async () => [],
          protocol: () => ({ name: 'none', metadata: Buffer.alloc(0) }),
        }
      },
    ],
  })
  const { cluster } = captured
  if (cluster === null) {
    throw new DaybookError(
      'DAYBOOK_KAFKA_CLIENT_VERSION',
      'kafkajs gave no cluster to the assigner; run npm ci',
      { scope: 'worker' },
    )
  }
  wrapCreatedBrokers(cluster, (broker) => {
    Reflect.set(broker, 'metadata', () => onlyBrokers(broker))
    takeAnswersUncopied(broker)
  })
  return cluster
}

/** @throws DaybookError as `clientError` */
export async function connectCluster(cluster: Cluster): Promise<void> {
  try {
    await cluster.connect()
    await cluster.refreshMetadata()
  } catch (error) {
    throw clientError(error, 'connection to Kafka')
  }
}

async function onlyBrokers(broker: object) {
  const handle = brokerHandle(broker)
  assertSpeaksTopicIds(handle)
  const { clusterId, brokers } = await requestMetadata(handle, [])
  return {
    clusterId,
    controllerId: null,
    brokers: brokers.map((found) => ({ ...found, rack: null })),
    topicMetadata: [],
  }
}

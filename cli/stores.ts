import { bucketOf } from '../consumers/cold-context.ts'
import { createHotClients } from '../consumers/hot/clickhouse/client.ts'
import { createHotStore, type HotStore } from '../consumers/hot/clickhouse/store.ts'
import { createKafkaClient, type KafkaConnection } from '../consumers/kafka/client/kafka-client.ts'
import { type OpenCluster, openCluster } from '../consumers/kafka/client/open-cluster.ts'
import { kafkaOf } from '../consumers/worker.ts'
import type { Environment } from '../runtime/config.ts'
import type { ObjectStore } from '../runtime/object-store/contract.ts'
import { NEEDS, settingsOf } from './configuration.ts'

const DATABASE = 'daybook'
const REQUEST_TIMEOUT_MS = 30_000

export function kafkaConnection(env: Environment): KafkaConnection {
  return kafkaOf(settingsOf(env, NEEDS.kafka))
}

/** Closes what it opened, however `act` ends. */
export async function withCluster<T>(
  env: Environment,
  act: (cluster: OpenCluster) => Promise<T>,
): Promise<T> {
  const cluster = await openCluster(createKafkaClient(kafkaConnection(env)))
  try {
    return await act(cluster)
  } finally {
    await cluster.close()
  }
}

export async function withHotStore<T>(env: Environment, act: (store: HotStore) => Promise<T>): Promise<T> {
  const { clickhouseUrl, clickhouseUser, clickhousePassword } = settingsOf(env, NEEDS.clickhouse)
  const clients = createHotClients({
    ...{ url: clickhouseUrl, user: clickhouseUser, password: clickhousePassword ?? '' },
    requestTimeoutMs: REQUEST_TIMEOUT_MS,
  })
  const store = createHotStore({ clients, database: DATABASE })
  try {
    return await act(store)
  } finally {
    await store.close()
  }
}

export async function withBucket<T>(env: Environment, act: (store: ObjectStore) => Promise<T>): Promise<T> {
  const store = bucketOf(settingsOf(env, NEEDS.s3), REQUEST_TIMEOUT_MS)
  try {
    return await act(store)
  } finally {
    store.close()
  }
}

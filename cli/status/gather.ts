import type { PartitionRef } from '../../consumers/engine/contracts.ts'
import { createKafkaClient } from '../../consumers/kafka/client/kafka-client.ts'
import { GROUPS } from '../../consumers/kafka/group/group-ids.ts'
import { checkTopics } from '../../consumers/kafka/topics/check-topics.ts'
import type { TopicFinding } from '../../consumers/kafka/topics/topic-rules.ts'
import type { Environment } from '../../runtime/config.ts'
import { askRegistry } from '../../runtime/registry-http.ts'
import { DaybookError } from '../../schemas/errors.ts'
import { NEEDS, settingsOf } from '../configuration.ts'
import { groupMembers } from '../group-members.ts'
import { partitionsOf } from '../offsets/partitions.ts'
import { coldTips, hotTips, type Position, readPositions, type Tips } from '../offsets/positions.ts'
import { kafkaConnection, withBucket, withCluster, withHotStore } from '../stores.ts'
import { type Answer, probe } from './probe.ts'
import { type StoppedEntry, stoppedOf } from './stopped.ts'

const TIMEOUT_MS = 10_000
const NO_TIPS: Tips = new Map()

export type StatusSettings = ReturnType<typeof statusSettings>

export interface Status {
  readonly answers: Readonly<Record<'kafka' | 'registry' | 'clickhouse' | 's3', Answer>>
  /** Whether the bucket can lock; null when it was not learned. */
  readonly objectLock: boolean | null
  /** Running workers by group; null where they cannot be listed. */
  readonly members: Readonly<Record<string, number | null>>
  /** Groups whose members cannot be listed, or that have others in them, with the remedy. */
  readonly groupConcerns: readonly { readonly group: string; readonly message: string }[]
  readonly positions: readonly Position[]
  /** Settings of topics that are not as they must be, and topics that are missing or may not be asked. */
  readonly topicFindings: readonly TopicFinding[]
  /** Partitions that wait for somebody to mend what stopped them. */
  readonly stopped: readonly StoppedEntry[]
}

export function statusSettings(env: Environment) {
  return settingsOf(env, { ...NEEDS.kafka, ...NEEDS.registry, ...NEEDS.clickhouse, ...NEEDS.s3 })
}

/** Asks all servers. Never throws: a server that does not answer is named in the result. */
export async function gatherStatus(
  env: Environment,
  settings: StatusSettings,
  signal: AbortSignal,
): Promise<Status> {
  const [kafka, registry] = await Promise.all([
    probe(() => askKafka(env, settings), TIMEOUT_MS),
    probe(() => askRegistry(registryOf(settings), '/subjects'), TIMEOUT_MS),
  ])
  const refs = kafka.value?.refs ?? []
  const [hot, cold] = await Promise.all([
    probe(() => askClickHouse(env, refs, signal), TIMEOUT_MS),
    probe(() => askBucket(env, refs, signal), TIMEOUT_MS),
  ])
  const tips = { hot: hot.value ?? NO_TIPS, cold: cold.value?.tips ?? NO_TIPS }
  const positions = await probe(
    () => withCluster(env, (cluster) => readPositions(cluster, refs, tips)),
    kafka.value === null ? 0 : TIMEOUT_MS,
  )
  return {
    answers: {
      kafka: kafka.answer.ok && !positions.answer.ok ? positions.answer : kafka.answer,
      registry: registry.answer,
      clickhouse: hot.answer,
      s3: cold.answer,
    },
    objectLock: cold.value?.locked ?? null,
    members: Object.fromEntries((kafka.value?.groups ?? []).map(({ group, workers }) => [group, workers])),
    groupConcerns: (kafka.value?.groups ?? []).flatMap(({ group, concern: message }) =>
      message === null ? [] : [{ group, message }],
    ),
    positions: positions.value ?? [],
    topicFindings: kafka.value?.topicFindings ?? [],
    stopped: kafka.value?.stopped ?? [],
  }
}

async function askKafka(env: Environment, { topics: wanted, quarantineTopic }: StatusSettings) {
  const topicFindings = await checkTopics({ ...kafkaConnection(env), topics: wanted, quarantineTopic })
  const { refs, groups } = await withCluster(env, async (cluster) => ({
    refs: (
      await Promise.all(wanted.map((topic) => partitionsOf(cluster, [topic]).catch(noneIfMissing)))
    ).flat(),
    groups: await Promise.all(Object.values(GROUPS).map((group) => groupMembers(cluster.view, group))),
  }))
  const topics = [...new Set(refs.map(({ topic }) => topic))]
  const admin = createKafkaClient(kafkaConnection(env)).admin()
  await admin.connect()
  try {
    const stopped: StoppedEntry[] = []
    for (const groupId of Object.values(GROUPS))
      stopped.push(...(await stoppedOf(groupId, await admin.fetchOffsets({ groupId, topics }))))
    return { refs, groups, topicFindings, stopped }
  } finally {
    await admin.disconnect()
  }
}

/** A topic that is missing is a finding, and hides nothing of the others. */
function noneIfMissing(error: unknown): readonly PartitionRef[] {
  if (error instanceof DaybookError && error.code === 'DAYBOOK_KAFKA_TOPIC_MISSING') return []
  throw error
}

function askClickHouse(env: Environment, refs: readonly PartitionRef[], signal: AbortSignal): Promise<Tips> {
  return withHotStore(env, async (store) => {
    await store.rows(`SELECT 1 FROM ${store.database}.audit LIMIT 0`, { signal })
    return refs.length === 0 ? NO_TIPS : hotTips(store, refs, signal)
  })
}

function askBucket(env: Environment, refs: readonly PartitionRef[], signal: AbortSignal) {
  return withBucket(env, async (store) => ({
    locked: await store.hasObjectLock(signal),
    tips: await coldTips(store, refs, signal),
  }))
}

function registryOf({
  registryUrl: url,
  registryUsername: username,
  registryPassword: password,
}: StatusSettings) {
  const auth = username === null || password === null ? {} : { auth: { username, password } }
  return { url, timeoutMs: TIMEOUT_MS, ...auth }
}

import type { Cluster, Consumer, Kafka } from 'kafkajs'
import type { Clock } from '../../../runtime/clock.ts'
import { retry } from '../../../runtime/retry.ts'
import { DaybookError } from '../../../schemas/errors.ts'
import { clientError } from '../client/broker-errors.ts'
import { type JoinedGroup, observeJoins } from '../client/kafkajs-internals.ts'
import { type OwnedPartitions, stickyAssigner } from './sticky-assigner.ts'

/** One generation of this member, as the coordinator gave it. */
export interface Generation {
  /** Grows with each join of this process; not Kafka's own number, which can start again. */
  readonly number: number
  readonly group: JoinedGroup
  readonly assignment: OwnedPartitions
}

export interface MembershipEvents {
  /** The generation before is over: its commits are refused from now on, nothing of it may be handed over. */
  over(): void
  begun(generation: Generation): void
  /** The member has left for good and does not come back. */
  crashed(error: DaybookError): void
}

export interface MembershipOptions {
  readonly kafka: Kafka
  readonly groupId: string
  readonly topics: readonly string[]
  readonly clock: Clock
  readonly sessionTimeoutMs: number
  readonly rebalanceTimeoutMs: number
  readonly heartbeatIntervalMs: number
  readonly metadataMaxAgeMs: number
  readonly events: MembershipEvents
}

export interface CommitEntry {
  readonly topic: string
  readonly partition: number
  readonly next: bigint
  /** Kept with the offset; at most 1,000 bytes. */
  readonly note: string | null
}

/**
 * A member of a consumer group that fetches nothing: kafkajs joins, synchronises, sends heartbeats and rejoins, with
 * all topics paused. Its heartbeats depend on nobody's processing.
 */
export interface Membership {
  /** Resolves when the member has joined for the first time. */
  join(): Promise<void>
  /** The cluster object of this member's own connections. */
  readonly cluster: Cluster
  /** Resolves when the coordinator has taken the offsets; see `Source.commit`. */
  commit(group: JoinedGroup, entries: readonly CommitEntry[]): Promise<void>
  leave(): Promise<void>
}

/** How often kafkajs's idle loop comes round to look at its heartbeat and at a wish to stop. */
const LOOP_MS = 200

export function createMembership(options: MembershipOptions): Membership {
  const { kafka, groupId, events } = options
  const owned: { current: OwnedPartitions; generation: number } = { current: new Map(), generation: -1 }
  const state: { cluster: Cluster | null; group: JoinedGroup | null; count: number } = {
    cluster: null,
    group: null,
    count: 0,
  }
  const assigner = stickyAssigner(() => owned)
  const consumer = kafka.consumer({
    groupId,
    partitionAssigners: [
      (config) => {
        state.cluster = config.cluster
        observeJoins(config.cluster, {
          leaving: () => events.over(),
          joined: (group) => {
            state.group = group
          },
        })
        return assigner(config)
      },
    ],
    sessionTimeout: options.sessionTimeoutMs,
    rebalanceTimeout: options.rebalanceTimeoutMs,
    heartbeatInterval: options.heartbeatIntervalMs,
    metadataMaxAge: options.metadataMaxAgeMs,
    maxWaitTimeInMs: LOOP_MS,
    allowAutoTopicCreation: false,
    retry: { retries: 12, initialRetryTime: 250, maxRetryTime: 10_000, restartOnFailure: async () => false },
  })
  consumer.on(consumer.events.GROUP_JOIN, ({ payload }) => {
    if (state.group === null) return
    const assignment: OwnedPartitions = new Map(Object.entries(payload.memberAssignment))
    owned.current = assignment
    owned.generation = state.group.generationId
    state.count += 1
    events.begun({ number: state.count, group: state.group, assignment })
  })
  const { cluster } = state
  if (cluster === null) {
    throw new DaybookError(
      'DAYBOOK_KAFKA_CLIENT_VERSION',
      'kafkajs gave no cluster to the assigner; run npm ci',
    )
  }
  return {
    join: () => join(consumer, cluster, options),
    cluster,
    commit: (group, entries) => commit(cluster, groupId, group, entries),
    leave: async () => {
      await consumer.disconnect()
    },
  }
}

async function join(consumer: Consumer, cluster: Cluster, options: MembershipOptions): Promise<void> {
  const { topics, groupId, events } = options
  let joined = false
  let failure: DaybookError | null = null
  consumer.on(consumer.events.CRASH, ({ payload }) => {
    failure = clientError(payload.error, `group ${groupId}`)
    events.over()
    if (joined) events.crashed(failure)
  })
  await consumer.connect()
  await waitForCoordinator(cluster, options)
  await consumer.subscribe({ topics: [...topics], fromBeginning: true })
  const running = consumer.run({ autoCommit: false, eachBatchAutoResolve: false, eachBatch: async () => {} })
  // Before the first await inside run() is over, the group exists: it never gets to fetch.
  consumer.pause(topics.map((topic) => ({ topic })))
  await running
  if (failure !== null) throw failure
  joined = true
}

/** A broker that has just started answers joins with "coordinator loading", on which kafkajs gives up at once. */
const COORDINATOR_WAIT = { baseDelayMs: 100, maxDelayMs: 2_000, deadlineMs: 120_000 }

/** Resolves when the group's coordinator answers for its offsets. */
async function waitForCoordinator(cluster: Cluster, { groupId, clock }: MembershipOptions): Promise<void> {
  const ask = async (): Promise<void> => {
    try {
      // kafkajs looks for the coordinator among brokers it has heard of; without any it gives up for 250 ms.
      await cluster.refreshMetadata()
      const coordinator = await cluster.findGroupCoordinator({ groupId })
      await coordinator.offsetFetch({ groupId, topics: [] })
    } catch (error) {
      throw clientError(error, `coordinator of group ${groupId}`)
    }
  }
  await retry(ask, { clock, policy: COORDINATOR_WAIT })
}

/** A commit under one of these is refused for good: another generation has begun, or begins. */
const OVER = new Set([
  'ILLEGAL_GENERATION',
  'UNKNOWN_MEMBER_ID',
  'REBALANCE_IN_PROGRESS',
  'FENCED_INSTANCE_ID',
])

async function commit(
  cluster: Cluster,
  groupId: string,
  group: JoinedGroup,
  entries: readonly CommitEntry[],
): Promise<void> {
  const topics = [...Map.groupBy(entries, ({ topic }) => topic)].map(([topic, offsets]) => ({
    topic,
    partitions: offsets.map(({ partition, next, note }) => ({
      partition,
      offset: String(next),
      metadata: note ?? '',
    })),
  }))
  try {
    const coordinator = await cluster.findGroupCoordinator({ groupId })
    const { generationId: groupGenerationId, memberId } = group
    await coordinator.offsetCommit({ groupId, groupGenerationId, memberId, topics })
  } catch (error) {
    throw isOver(error) ? generationOver(groupId, error) : clientError(error, `commit of group ${groupId}`)
  }
}

function isOver(error: unknown): boolean {
  return error instanceof Error && 'type' in error && typeof error.type === 'string' && OVER.has(error.type)
}

export function generationOver(groupId: string, cause?: unknown): DaybookError {
  return new DaybookError(
    'DAYBOOK_KAFKA_GENERATION_OVER',
    `group ${groupId} has a newer generation: nothing was committed, the new owner goes on from the store's tip`,
    { cause, details: { groupId } },
  )
}

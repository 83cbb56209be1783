import type { Cluster, Kafka } from 'kafkajs'
import type { Clock } from '../../../runtime/clock.ts'
import { DaybookError } from '../../../schemas/errors.ts'
import { BROKER_ERROR, brokerError, clientError } from '../client/broker-errors.ts'
import { type ClusterView, createClusterView } from '../client/cluster-view.ts'
import { clusterOf, connectCluster } from '../client/open-cluster.ts'
import type { GroupPlace } from '../protocol/group-requests.ts'
import { requestCommit } from '../protocol/offset-requests.ts'
import { GroupMember } from './group-member.ts'
import type { OwnedPartitions } from './sticky-plan.ts'

/** One generation of this member, as the coordinator gave it. */
export interface Generation {
  /** Grows with each join of this process; not Kafka's own number, which can start again. */
  readonly number: number
  readonly group: GroupPlace
  /** Partitions by topic, of those topics that exist. May be empty. */
  readonly assignment: OwnedPartitions
  /**
   * True where this generation follows the one before of this member without another in between: a partition of both
   * was assigned to nobody else meanwhile.
   */
  readonly isNext: boolean
}

export interface MembershipEvents {
  /** The generation before is over: its commits are refused from now on. */
  over(): void
  begun(generation: Generation): void
  /** The member is without a place, or cannot reach its coordinator, and goes on trying; null: no more. */
  trouble?(error: DaybookError | null): void
  /** The member has left for good and does not come back: its credentials or its settings are refused. */
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
  /** How often topics and partition counts are asked for. */
  readonly metadataMaxAgeMs: number
  readonly events: MembershipEvents
}

export interface CommitEntry {
  readonly topic: string
  readonly partition: number
  readonly next: bigint
  /** Kept beside the offset. At most 4,096 bytes, or the broker refuses this entry. */
  readonly note?: string
}

export interface CommitFailure {
  readonly topic: string
  readonly partition: number
  readonly error: DaybookError
}

/** A member of a consumer group that fetches nothing. Its heartbeats depend on nobody's processing. */
export interface Membership {
  /**
   * Resolves when the member has joined for the first time; until then it tries, however long.
   * @throws DaybookError of scope `worker`
   */
  join(): Promise<void>
  /** Questions over this member's own connections; they work once `join` has connected. */
  readonly cluster: Cluster
  /** Joins again soon, so that the group's leader makes a new plan. */
  requestRejoin(): void
  /**
   * Resolves when the coordinator has taken the offsets, but for those that it gives with an error (a topic that is
   * gone, a note too long). Rejects when it took none: DAYBOOK_KAFKA_GENERATION_OVER, or as `clientError`.
   */
  commit(group: GroupPlace, entries: readonly CommitEntry[]): Promise<readonly CommitFailure[]>
  leave(): Promise<void>
}

export function createMembership(options: MembershipOptions): Membership {
  const { groupId, topics, events, clock } = options
  const cluster = clusterOf(options.kafka)
  const view = createClusterView(cluster)
  const first = Promise.withResolvers<void>()
  const state: { count: number; group: GroupPlace | null; hasJoined: boolean } = {
    count: 0,
    group: null,
    hasJoined: false,
  }
  const member = new GroupMember({
    view,
    groupId,
    topics,
    clock,
    sessionTimeoutMs: options.sessionTimeoutMs,
    rebalanceTimeoutMs: options.rebalanceTimeoutMs,
    heartbeatIntervalMs: options.heartbeatIntervalMs,
    layoutCheckMs: options.metadataMaxAgeMs,
    connect: () => (cluster.isConnected() ? Promise.resolve() : connectCluster(cluster)),
    onLeaving: () => events.over(),
    onJoined: (group, assignment) => {
      // A new member id: the group may have been emptied and begun anew meanwhile, its generations with it.
      const isSameMember = state.group?.memberId === group.memberId
      const isNext = isSameMember && state.group?.generationId === group.generationId - 1
      state.group = group
      state.count += 1
      events.begun({ number: state.count, group, assignment, isNext })
      state.hasJoined = true
      first.resolve()
    },
    onTrouble: (error) => events.trouble?.(error),
  })
  const run = async (): Promise<void> => {
    try {
      await member.run()
      first.reject(new DaybookError('DAYBOOK_RUNTIME_ABORTED', `left group ${groupId} before it had joined`))
    } catch (error) {
      const failure = clientError(error, `group ${groupId}`)
      events.over()
      if (state.hasJoined) events.crashed(failure)
      else first.reject(failure)
    }
  }
  let running: Promise<void> | null = null
  return {
    join: () => {
      running ??= run()
      return first.promise
    },
    cluster,
    requestRejoin: () => member.requestRejoin(),
    commit: (group, entries) => commit(view, group, entries),
    leave: async () => {
      await member.stop()
      await cluster.disconnect()
      await running
    },
  }
}

/** A commit under one of these is refused for good: another generation has begun, or begins. */
const OVER = new Set<number>([
  BROKER_ERROR.illegalGeneration,
  BROKER_ERROR.unknownMemberId,
  BROKER_ERROR.rebalanceInProgress,
  BROKER_ERROR.fencedInstanceId,
])

/** What concerns the group or the coordinator stands at every partition of an answer. */
const OF_ONE_PARTITION = new Set([3, 12, 28, 29, 100])

async function commit(
  view: ClusterView,
  group: GroupPlace,
  entries: readonly CommitEntry[],
): Promise<readonly CommitFailure[]> {
  const { groupId } = group
  const commits = entries.map(({ next, note, ...place }) => ({ ...place, offset: next, note: note ?? '' }))
  try {
    const outcomes = await requestCommit(await view.coordinator(groupId), group, commits)
    if (outcomes.some(({ errorCode }) => OVER.has(errorCode))) throw generationOver(groupId)
    const failed = outcomes.filter(({ errorCode }) => errorCode !== 0)
    const ofAll = failed.find(({ errorCode }) => !OF_ONE_PARTITION.has(errorCode))
    if (ofAll !== undefined) throw brokerError(ofAll.errorCode, `commit of group ${groupId}`)
    return failed.map(({ topic, partition, errorCode }) => ({
      topic,
      partition,
      error: brokerError(errorCode, `commit of ${topic}/${partition}`),
    }))
  } catch (error) {
    throw clientError(error, `commit of group ${groupId}`)
  }
}

export function generationOver(groupId: string, cause?: unknown): DaybookError {
  return new DaybookError(
    'DAYBOOK_KAFKA_GENERATION_OVER',
    `group ${groupId} has a newer generation: nothing was committed, the new owner goes on from the store's tip`,
    { cause, details: { groupId } },
  )
}

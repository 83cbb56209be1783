import { backoffMs } from '../../../runtime/backoff.ts'
import type { Clock } from '../../../runtime/clock.ts'
import type { DaybookError } from '../../../schemas/errors.ts'
import { BROKER_ERROR, brokerError, clientError } from '../client/broker-errors.ts'
import type { ClusterView } from '../client/cluster-view.ts'
import type { BrokerHandle } from '../client/kafkajs-internals.ts'
import { Refusals } from '../client/refusals.ts'
import {
  type GroupPlace,
  type JoinAnswer,
  requestHeartbeat,
  requestJoin,
  requestLeave,
  requestMemberIds,
  requestSync,
} from '../protocol/group-requests.ts'
import { decodeAssignment, encodeSubscription } from './consumer-protocol.ts'
import { hasMore, type Layout, layoutOf, planGroup, readableMembers } from './group-plan.ts'
import { encodeHolding, type Holding } from './holding.ts'
import type { OwnedPartitions } from './sticky-plan.ts'

export interface GroupMemberOptions {
  readonly view: ClusterView
  readonly groupId: string
  readonly topics: readonly string[]
  readonly clock: Clock
  readonly sessionTimeoutMs: number
  readonly rebalanceTimeoutMs: number
  readonly heartbeatIntervalMs: number
  /** How often the leader looks whether there are topics or partitions that its plan does not know. */
  readonly layoutCheckMs: number
  /** Opens the connections; called again after each failure, cheap where they are open. */
  readonly connect: () => Promise<void>
  /** The place of before is given up: commits under it are refused from now on. */
  readonly onLeaving: () => void
  readonly onJoined: (place: GroupPlace, assignment: OwnedPartitions) => void
  /** Without a place, or without a way to the coordinator, because of this; null: no more. It goes on trying. */
  readonly onTrouble: (error: DaybookError | null) => void
}

/** The protocol's name; members of other versions of the worker have the same. */
const PROTOCOL = 'daybook-sticky'

const PAUSES = { baseDelayMs: 100, maxDelayMs: 5_000 }

/** So many joins in a row must end as unknown server errors before others are taken out of the group. */
const BELIEVED_BROKEN_JOINS = 3

/** With one of these the coordinator says that the place is lost, or that all have to join anew. */
const PLACE_LOST = new Set<number>([
  BROKER_ERROR.illegalGeneration,
  BROKER_ERROR.unknownMemberId,
  BROKER_ERROR.rebalanceInProgress,
  BROKER_ERROR.fencedInstanceId,
])

/**
 * Keeps a place in a consumer group: joins, synchronises, sends heartbeats, and joins again when the coordinator or
 * `requestRejoin` wants it. Nothing that other members send, and no state of a topic, ends it.
 */
export class GroupMember {
  readonly #options: GroupMemberOptions
  readonly #stop = new AbortController()
  #wake = new AbortController()
  #wantsRejoin = false
  #memberId = ''
  #holding: Holding = { current: new Map(), generation: -1 }
  /** What the plan of this generation was made for; null where another member has made it. */
  #planned: Layout | null = null
  #plannedTopics: readonly string[] = []
  /** Where an answer to a join is waited for, which can take as long as the slowest member. */
  #joiningAt: BrokerHandle | null = null
  #isTroubled = false
  #brokenJoins = 0

  constructor(options: GroupMemberOptions) {
    this.#options = options
  }

  /**
   * Resolves after `stop`.
   * @throws DaybookError of scope `worker` that waiting does not cure
   */
  async run(): Promise<void> {
    const { signal } = this.#stop
    const refusals = new Refusals()
    for (let failures = 0; !signal.aborted; ) {
      try {
        await this.#options.connect()
        const place = await this.#join()
        if (place !== null) {
          failures = 0
          refusals.succeeded()
          await this.#keep(place)
        }
      } catch (error) {
        if (signal.aborted) return
        failures += 1
        await this.#pause(this.#judge(error, refusals), failures)
      }
    }
  }

  /** The member joins again soon, so that the leader makes a new plan. */
  requestRejoin(): void {
    this.#wantsRejoin = true
    this.#wake.abort()
  }

  /** Leaves the group, so that the others get the partitions at once. Never rejects. */
  async stop(): Promise<void> {
    this.#stop.abort()
    this.#wake.abort()
    const { view, groupId } = this.#options
    if (this.#memberId === '') return
    try {
      // A broker answers one request of a connection after the other: behind a join the leave would wait for it.
      await this.#joiningAt?.breakOff()
      await requestLeave(await view.coordinator(groupId), groupId, [this.#memberId])
    } catch {
      // The session time-out ends the membership then.
    }
  }

  /** Gives the error to wait for; throws it where waiting does not help. */
  #judge(error: unknown, refusals: Refusals): DaybookError {
    const failure = clientError(error, `group ${this.#options.groupId}`)
    if (refusals.believes(failure)) throw failure
    return failure
  }

  #trouble(failure: DaybookError | null): void {
    if (failure === null && !this.#isTroubled) return
    this.#isTroubled = failure !== null
    this.#options.onTrouble(failure)
  }

  #pause(failure: DaybookError, failures: number): Promise<void> {
    this.#trouble(failure)
    return this.#options.clock.sleep(backoffMs(failures, PAUSES), this.#stop.signal)
  }

  /** Null: to be tried again at once. */
  async #join(): Promise<GroupPlace | null> {
    const { view, groupId, onLeaving } = this.#options
    onLeaving()
    this.#wantsRejoin = false
    this.#wake = new AbortController()
    const coordinator = await view.coordinator(groupId)
    const joined = await this.#requestJoin(coordinator)
    if (joined.errorCode === BROKER_ERROR.memberIdRequired) {
      this.#memberId = joined.memberId
      return null
    }
    if (this.#isPlaceLost(joined.errorCode)) return null
    // At once, before one of those that were taken out is back.
    if (await this.#clearBrokenGroup(coordinator, joined.errorCode)) return null
    if (joined.errorCode !== 0) throw brokerError(joined.errorCode, `join of group ${groupId}`)
    this.#memberId = joined.memberId
    const place = { groupId, generationId: joined.generationId, memberId: joined.memberId }
    const assignments = joined.leaderId === joined.memberId ? await this.#plan(joined) : this.#follow()
    const synced = await requestSync(coordinator, place, assignments, this.#options.rebalanceTimeoutMs)
    if (this.#isPlaceLost(synced.errorCode)) return null
    if (synced.errorCode !== 0) throw brokerError(synced.errorCode, `sync of group ${groupId}`)
    if (this.#stop.signal.aborted) return null
    const assignment = this.#readAssignment(synced.assignment)
    this.#holding = { current: assignment, generation: place.generationId }
    this.#trouble(null)
    this.#options.onJoined(place, assignment)
    return place
  }

  async #requestJoin(coordinator: BrokerHandle): Promise<JoinAnswer> {
    const { topics, groupId, sessionTimeoutMs, rebalanceTimeoutMs } = this.#options
    const metadata = encodeSubscription({ topics, userData: encodeHolding(this.#holding) })
    const request = { groupId, memberId: this.#memberId, sessionTimeoutMs, rebalanceTimeoutMs }
    this.#joiningAt = coordinator
    try {
      return await requestJoin(coordinator, { ...request, protocol: PROTOCOL, metadata })
    } catch (error) {
      // As in `stop`: what comes after an unanswered join would wait behind it.
      if (!this.#stop.signal.aborted) await coordinator.breakOff()
      throw error
    } finally {
      this.#joiningAt = null
    }
  }

  /**
   * A coordinator reads what members send when a join completes, and fails there over one that is malformed: then all
   * joins end as unknown server errors, for ever, because such a member is never timed out (seen with Kafka 4.1). So
   * all others are taken out of the group; who is alive joins again. True where there were others.
   */
  async #clearBrokenGroup(coordinator: BrokerHandle, errorCode: number): Promise<boolean> {
    this.#brokenJoins = errorCode === BROKER_ERROR.unknownServerError ? this.#brokenJoins + 1 : 0
    if (this.#brokenJoins < BELIEVED_BROKEN_JOINS) return false
    this.#brokenJoins = 0
    const { groupId } = this.#options
    const others = (await requestMemberIds(coordinator, groupId)).filter((id) => id !== this.#memberId)
    if (others.length > 0) await requestLeave(coordinator, groupId, others)
    return others.length > 0
  }

  /** The leader's part: what exists of the topics that members want, balanced over them. */
  async #plan({ members }: JoinAnswer): Promise<ReadonlyMap<string, Buffer>> {
    const readable = readableMembers(members)
    const topics = [...new Set(readable.flatMap((member) => [...member.topics]))]
    const layout = layoutOf(await this.#options.view.metadata(topics))
    this.#planned = layout
    this.#plannedTopics = topics
    return planGroup(members, readable, layout)
  }

  #follow(): ReadonlyMap<string, Buffer> {
    this.#planned = null
    return new Map()
  }

  /** Only topics that this member reads, and each partition once, whatever the leader has sent. */
  #readAssignment(bytes: Buffer): OwnedPartitions {
    const wanted = new Set(this.#options.topics)
    const assignment = [...(decodeAssignment(bytes) ?? [])].filter(([topic]) => wanted.has(topic))
    return new Map(
      assignment.map(([topic, numbers]) => [topic, [...new Set(numbers.filter((number) => number >= 0))]]),
    )
  }

  /** Returns when the place is lost, or is to be given up. */
  async #keep(place: GroupPlace): Promise<void> {
    const { heartbeatIntervalMs, layoutCheckMs, clock } = this.#options
    let lookAt = clock.now() + layoutCheckMs
    for (let failures = 0; !this.#stop.signal.aborted; ) {
      const waitMs = failures === 0 ? heartbeatIntervalMs : backoffMs(failures, PAUSES)
      await clock.sleep(waitMs, this.#wake.signal)
      if (this.#wantsRejoin || this.#stop.signal.aborted) return
      try {
        if (await this.#isLost(place)) return
        if (clock.now() >= lookAt) {
          if (await this.#hasMore()) return
          lookAt = clock.now() + layoutCheckMs
        }
        failures = 0
        this.#trouble(null)
      } catch (error) {
        // Only the coordinator's word ends a place: a connection that broke does not.
        const failure = clientError(error, `heartbeat of group ${place.groupId}`)
        if (failure.scope === 'worker' && !failure.retryable) throw failure
        failures += 1
        this.#trouble(failure)
      }
    }
  }

  async #isLost(place: GroupPlace): Promise<boolean> {
    const errorCode = await requestHeartbeat(await this.#options.view.coordinator(place.groupId), place)
    if (this.#isPlaceLost(errorCode)) return true
    if (errorCode !== 0) throw brokerError(errorCode, `heartbeat of group ${place.groupId}`)
    return false
  }

  #isPlaceLost(errorCode: number): boolean {
    if (errorCode === BROKER_ERROR.unknownMemberId || errorCode === BROKER_ERROR.fencedInstanceId) {
      this.#memberId = ''
    }
    return PLACE_LOST.has(errorCode)
  }

  async #hasMore(): Promise<boolean> {
    if (this.#planned === null) return false
    return hasMore(layoutOf(await this.#options.view.metadata(this.#plannedTopics)), this.#planned)
  }
}

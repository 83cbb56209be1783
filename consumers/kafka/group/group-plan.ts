import type { ClusterMetadata } from '../protocol/metadata-request.ts'
import { decodeSubscription, encodeAssignment } from './consumer-protocol.ts'
import { decodeHolding } from './holding.ts'
import { type OwnedPartitions, planAssignment, type StickyMember } from './sticky-plan.ts'

/** Which partitions there are: number of partitions by topic and topic id. Topics that do not exist are not in it. */
export type Layout = ReadonlyMap<string, { readonly topicId: string; readonly partitions: OwnedNumbers }>
type OwnedNumbers = readonly number[]

export interface RawMember {
  readonly memberId: string
  readonly metadata: Buffer
}

/**
 * The members that an assignment may count on. Another client in the group, or one that sends garbage, would be given
 * partitions that nobody then reads: it gets none.
 */
export function readableMembers(members: readonly RawMember[]): StickyMember[] {
  return members.flatMap(({ memberId, metadata }) => {
    const subscription = decodeSubscription(metadata)
    const holding = subscription === null ? null : decodeHolding(subscription.userData)
    if (subscription === null || holding === null) return []
    const { current: owned, generation } = holding
    return [{ memberId, topics: new Set(subscription.topics), owned, generation }]
  })
}

/** The assignment to send for each member; an empty one for those who are left out. */
export function planGroup(
  raw: readonly RawMember[],
  members: readonly StickyMember[],
  layout: Layout,
): ReadonlyMap<string, Buffer> {
  const partitions: OwnedPartitions = new Map([...layout].map(([topic, found]) => [topic, found.partitions]))
  const plan = planAssignment(members, partitions)
  return new Map(
    raw.map(({ memberId }) => [
      memberId,
      encodeAssignment(plan.get(memberId) ?? new Map<string, number[]>()),
    ]),
  )
}

export function layoutOf({ topics }: ClusterMetadata): Layout {
  const existing = topics.filter(({ errorCode, partitions }) => errorCode === 0 && partitions.length > 0)
  return new Map(
    existing.map(({ topic, topicId, partitions }) => [
      topic,
      { topicId, partitions: partitions.map(({ partition }) => partition) },
    ]),
  )
}

/**
 * Whether there is something to read that the plan does not know: a topic, partitions, a topic made anew. What is gone
 * makes no new plan: its partitions fail by themselves, and the others would be interrupted for nothing.
 */
export function hasMore(now: Layout, planned: Layout): boolean {
  return [...now].some(([topic, { topicId, partitions }]) => {
    const known = planned.get(topic)
    return known === undefined || known.topicId !== topicId || partitions.length > known.partitions.length
  })
}

import { AssignerProtocol, type Cluster, type GroupMember, type PartitionAssigner } from 'kafkajs'
import { type OwnedPartitions, planAssignment, type StickyMember } from './sticky-plan.ts'

export type { OwnedPartitions } from './sticky-plan.ts'

/** What this member holds now; the assigner tells it to the leader with every join. */
export interface Holding {
  readonly current: OwnedPartitions
  readonly generation: number
}

/**
 * kafkajs's own assigner deals partitions out anew at every join. This one keeps them where they are: each member
 * sends what it holds along with its join (user data of the consumer protocol), the leader plans from that.
 */
export function stickyAssigner(holding: () => Holding): PartitionAssigner {
  return ({ cluster }) => ({
    name: 'daybook-sticky',
    version: 0,
    protocol: ({ topics }) => ({
      name: 'daybook-sticky',
      metadata: AssignerProtocol.MemberMetadata.encode({
        version: 0,
        topics,
        userData: encodeHolding(holding()),
      }),
    }),
    assign: async ({ members, topics }) => {
      const plan = planAssignment(members.map(toStickyMember), partitionsOf(cluster, topics))
      return [...plan].map(([memberId, owned]) => ({ memberId, memberAssignment: encodeAssignment(owned) }))
    },
  })
}

function partitionsOf(cluster: Cluster, topics: readonly string[]): OwnedPartitions {
  return new Map(
    topics.map((topic) => [topic, cluster.findTopicPartitionMetadata(topic).map((p) => p.partitionId)]),
  )
}

function encodeAssignment(owned: OwnedPartitions): Buffer {
  const assignment = Object.fromEntries([...owned].map(([topic, numbers]) => [topic, [...numbers]]))
  return AssignerProtocol.MemberAssignment.encode({ version: 0, assignment, userData: Buffer.alloc(0) })
}

function toStickyMember({ memberId, memberMetadata }: GroupMember): StickyMember {
  const userData = AssignerProtocol.MemberMetadata.decode(memberMetadata)?.userData
  const holding = userData === undefined ? null : decodeHolding(userData)
  return { memberId, owned: holding?.current ?? new Map(), generation: holding?.generation ?? -1 }
}

export function encodeHolding({ current, generation }: Holding): Buffer {
  return Buffer.from(JSON.stringify({ generation, owned: Object.fromEntries(current) }))
}

/** Null for anything that is not ours: another version, another client. */
export function decodeHolding(userData: Buffer): Holding | null {
  let parsed: unknown
  try {
    parsed = JSON.parse(userData.toString('utf8'))
  } catch {
    return null
  }
  if (typeof parsed !== 'object' || parsed === null || !('generation' in parsed) || !('owned' in parsed))
    return null
  const { generation, owned } = parsed
  if (typeof generation !== 'number' || typeof owned !== 'object' || owned === null) return null
  const current = new Map<string, number[]>()
  for (const [topic, numbers] of Object.entries(owned)) {
    if (Array.isArray(numbers))
      current.set(
        topic,
        numbers.filter((n): n is number => Number.isInteger(n)),
      )
  }
  return { current, generation }
}

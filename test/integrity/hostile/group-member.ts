import kafkajs, { type Consumer, type PartitionAssigner } from 'kafkajs'
import { leaveGroup } from '../../support/leave-group.ts'
import type { WorkerKind } from '../faults/plan.ts'
import type { Attack } from './hostile-case.ts'

const SETTLE_MS = 75_000

export const groupOf = (kind: WorkerKind): string => `daybook-${kind}`

/** What a foreign member says of itself, and hands out where it is the leader. */
export interface ForeignProtocol {
  readonly name: string
  readonly metadata: Buffer
  /** What each member gets; `own` where it is this one. Default: nothing. */
  readonly assignment?: (own: boolean) => Buffer
}

/** The protocol that the workers of a group agreed upon. */
export async function protocolOf({ admin }: Attack, kind: WorkerKind): Promise<string> {
  const { groups } = await admin.describeGroups([groupOf(kind)])
  return groups[0]?.protocol ?? ''
}

/** Joins a worker's group as a client that is no worker. */
export async function joinAsForeigner(
  attack: Attack,
  kind: WorkerKind,
  o: { readonly assigner?: PartitionAssigner; readonly topic?: string } = {},
): Promise<Consumer> {
  const consumer = attack.kafka.consumer({
    groupId: groupOf(kind),
    sessionTimeout: 10_000,
    retry: { retries: 2 },
    ...(o.assigner === undefined ? {} : { partitionAssigners: [o.assigner] }),
  })
  await consumer.connect()
  await consumer.subscribe({ topics: [o.topic ?? attack.target.topic], fromBeginning: true })
  return consumer
}

/** An assigner as `protocol` says it. */
export function foreignAssigner({ name, metadata, assignment }: ForeignProtocol): PartitionAssigner {
  return ({ cluster: _ }) => ({
    name,
    version: 0,
    assign: async ({ members }) =>
      members.map(({ memberId, memberMetadata }) => ({
        memberId,
        memberAssignment: assignment?.(memberMetadata.equals(metadata)) ?? Buffer.alloc(0),
      })),
    protocol: () => ({ name, metadata }),
  })
}

/** Metadata as a usual consumer writes them: the topics that it wants. */
export const usualMetadata = (topics: readonly string[]): Buffer =>
  kafkajs.AssignerProtocol.MemberMetadata.encode({
    version: 0,
    topics: [...topics],
    userData: Buffer.alloc(0),
  })

/** Throws every member out of a group. */
export async function throwOut(attack: Attack, kind: WorkerKind): Promise<void> {
  const { groups } = await attack.admin.describeGroups([groupOf(kind)])
  const [broker = ''] = attack.world.stack.endpoints.kafka.brokers
  for (const { memberId } of groups[0]?.members ?? []) {
    const error = await leaveGroup({ broker, group: groupOf(kind), memberId })
    if (error !== 0) throw new Error(`the broker did not take the leave of ${memberId}: ${error}`)
  }
}

/** Commits offsets into a group that has members, as a transactional producer may. */
export async function commitAsForeigner(
  attack: Attack,
  kind: WorkerKind,
  offsetOf: (partition: number) => string,
): Promise<void> {
  const producer = attack.kafka.producer({
    transactionalId: `${attack.ground.prefix}foreign-${kind}`,
    maxInFlightRequests: 1,
    idempotent: true,
  })
  await producer.connect()
  try {
    const transaction = await producer.transaction()
    const topics = attack.ground.topics.map((topic) => ({
      topic,
      partitions: [0, 1, 2].map((partition) => ({ partition, offset: offsetOf(partition) })),
    }))
    await transaction.sendOffsets({ consumerGroupId: groupOf(kind), topics })
    await transaction.commit()
  } finally {
    await producer.disconnect()
  }
}

/** Resolves when the group has as many members as given and shares nothing out just now. */
export async function settledWith(attack: Attack, kind: WorkerKind, members: number): Promise<void> {
  let last = ''
  const isSettled = async () => {
    const { groups } = await attack.admin.describeGroups([groupOf(kind)])
    last = `${groups[0]?.state} with ${groups[0]?.members.map(({ clientId }) => clientId).join(', ')}`
    return groups[0]?.state === 'Stable' && groups[0].members.length === members
  }
  try {
    await attack.until('', isSettled, SETTLE_MS)
  } catch {
    const retried = await attack.metricLines(kind, /^daybook_(retries_total|assigned|lag)/)
    throw new Error(
      `${groupOf(kind)} is not stable with ${members} members within ${SETTLE_MS} ms: ${last}; ${retried}`,
    )
  }
}

/** Runs a foreign member while `meanwhile` lasts, and takes it out of the group whatever comes of it. */
export async function withForeigner(foreigner: Consumer, meanwhile: () => Promise<void>): Promise<void> {
  try {
    const running = foreigner.run({ autoCommit: false, eachMessage: async () => undefined })
    void running.catch(() => undefined)
    await meanwhile()
  } finally {
    await foreigner.disconnect()
  }
}

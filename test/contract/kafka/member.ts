import { randomUUID } from 'node:crypto'
import { createKafkaClient } from '../../../consumers/kafka/client/kafka-client.ts'
import {
  createMembership,
  type Generation,
  type Membership,
} from '../../../consumers/kafka/group/membership.ts'
import { systemClock } from '../../../runtime/clock.ts'
import type { DaybookError } from '../../../schemas/errors.ts'

/** A member of a group, and what it was told. */
export interface TestMember {
  readonly groupId: string
  readonly membership: Membership
  readonly generations: readonly Generation[]
  readonly crashes: readonly DaybookError[]
  /** Troubles as they came; null: it was over. */
  readonly troubles: readonly (DaybookError | null)[]
  /** `topic/partition` of the newest generation, in order. */
  held(): readonly string[]
}

export interface MemberOptions {
  readonly groupId?: string
  readonly layoutCheckMs?: number
  readonly sessionTimeoutMs?: number
  readonly rebalanceTimeoutMs?: number
}

/** Not joined yet. */
export function createMember(
  brokers: readonly string[],
  topics: readonly string[],
  options: MemberOptions = {},
): TestMember {
  const groupId = options.groupId ?? `kafka-contract.${randomUUID()}`
  const generations: Generation[] = []
  const crashes: DaybookError[] = []
  const troubles: (DaybookError | null)[] = []
  const membership = createMembership({
    kafka: createKafkaClient({ brokers }, undefined, 'short'),
    groupId,
    topics,
    clock: systemClock,
    sessionTimeoutMs: options.sessionTimeoutMs ?? 6_000,
    rebalanceTimeoutMs: options.rebalanceTimeoutMs ?? 10_000,
    heartbeatIntervalMs: 200,
    metadataMaxAgeMs: options.layoutCheckMs ?? 400,
    events: {
      over: () => {},
      begun: (generation) => generations.push(generation),
      trouble: (error) => troubles.push(error),
      crashed: (error) => crashes.push(error),
    },
  })
  const held = () =>
    [...(generations.at(-1)?.assignment ?? [])]
      .flatMap(([topic, numbers]) => numbers.map((number) => `${topic}/${number}`))
      .toSorted()
  return { groupId, membership, generations, crashes, troubles, held }
}

export async function joined(...given: Parameters<typeof createMember>): Promise<TestMember> {
  const member = createMember(...given)
  await member.membership.join()
  return member
}

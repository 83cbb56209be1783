import type { BrokerHandle } from '../client/kafkajs-internals.ts'
import { WireReader, WireWriter } from './wire-codec.ts'

/**
 * Who is in a group, asked of its coordinator. DescribeGroups knows groups of type `classic` only, and answers for any
 * other as for one that does not exist: state `Dead`, no members.
 */
const CLASSIC_API = { apiKey: 15, apiVersion: 5, apiName: 'DescribeGroups' } as const
/** The first version that tells a group's type, since Kafka 3.8. */
const LIST_API = { apiKey: 16, apiVersion: 5, apiName: 'ListGroups' } as const
/** Groups of type `consumer` (KIP-848). The first version that tells which protocol a member speaks, since Kafka 4.0. */
const CONSUMER_API = { apiKey: 69, apiVersion: 1, apiName: 'ConsumerGroupDescribe' } as const

const TIMEOUT_MS = 10_000
const MEMBER_OF_CLASSIC_PROTOCOL = 0

export interface DescribedGroup {
  readonly errorCode: number
  readonly state: string
  /** Members that speak the classic protocol, as Daybook's workers do. */
  readonly classicMembers: number
  /** Members that speak another one. */
  readonly otherMembers: number
}

export function requestClassicGroup(coordinator: BrokerHandle, groupId: string): Promise<DescribedGroup> {
  const request = { ...CLASSIC_API, body: bodyFor(groupId) }
  return coordinator.send(request, TIMEOUT_MS, (payload) => {
    const reader = answer(payload)
    const [group] = reader.compactArray(() => readClassicGroup(reader))
    return group ?? NO_GROUP
  })
}

/** The type of a group that this broker coordinates; null where it knows none of that name, or is too old to tell. */
export async function requestGroupType(
  coordinator: BrokerHandle,
  groupId: string,
): Promise<{ readonly errorCode: number; readonly type: string | null }> {
  if (coordinator.maxVersion(LIST_API.apiKey) < LIST_API.apiVersion) return { errorCode: 0, type: null }
  // No states and no types: all.
  const body = new WireWriter().noTags().uvarint(1).uvarint(1).noTags().take()
  return coordinator.send({ ...LIST_API, body }, TIMEOUT_MS, (payload) => {
    const reader = answer(payload)
    const errorCode = reader.int16()
    const groups = reader.compactArray(() => {
      const [id, , , type] = [0, 1, 2, 3].map(() => reader.compactString() ?? '')
      reader.skipTags()
      return { id, type }
    })
    return { errorCode, type: groups.find(({ id }) => id === groupId)?.type ?? null }
  })
}

/** Null where the broker is too old to tell. */
export async function requestConsumerGroup(
  coordinator: BrokerHandle,
  groupId: string,
): Promise<DescribedGroup | null> {
  if (coordinator.maxVersion(CONSUMER_API.apiKey) < CONSUMER_API.apiVersion) return null
  const request = { ...CONSUMER_API, body: bodyFor(groupId) }
  return coordinator.send(request, TIMEOUT_MS, (payload) => {
    const reader = answer(payload)
    const [group] = reader.compactArray(() => readConsumerGroup(reader))
    return group ?? NO_GROUP
  })
}

const NO_GROUP: DescribedGroup = { errorCode: 0, state: 'Dead', classicMembers: 0, otherMembers: 0 }

/** Both ask for one group, and not for what the asker may do with it. */
function bodyFor(groupId: string): Buffer {
  const writer = new WireWriter().noTags()
  return writer
    .compactArray([groupId], (id) => writer.compactString(id))
    .int8(0)
    .noTags()
    .take()
}

function readClassicGroup(reader: WireReader): DescribedGroup {
  const errorCode = reader.int16()
  reader.compactString()
  const state = reader.compactString() ?? ''
  reader.compactString()
  reader.compactString()
  const members = reader.compactArray(() => {
    for (let field = 0; field < 4; field++) reader.compactString()
    reader.compactBytes()
    reader.compactBytes()
    reader.skipTags()
  })
  reader.int32()
  reader.skipTags()
  return { errorCode, state, classicMembers: members.length, otherMembers: 0 }
}

function readConsumerGroup(reader: WireReader): DescribedGroup {
  const errorCode = reader.int16()
  reader.compactString()
  reader.compactString()
  const state = reader.compactString() ?? ''
  reader.int32()
  reader.int32()
  reader.compactString()
  const types = reader.compactArray(() => readMemberType(reader))
  reader.int32()
  reader.skipTags()
  const classicMembers = types.filter((type) => type === MEMBER_OF_CLASSIC_PROTOCOL).length
  return { errorCode, state, classicMembers, otherMembers: types.length - classicMembers }
}

function readMemberType(reader: WireReader): number {
  for (let field = 0; field < 3; field++) reader.compactString()
  reader.int32()
  reader.compactString()
  reader.compactString()
  reader.compactArray(() => reader.compactString())
  reader.compactString()
  skipAssignment(reader)
  skipAssignment(reader)
  const type = reader.int8()
  reader.skipTags()
  return type
}

function skipAssignment(reader: WireReader): void {
  reader.compactArray(() => {
    reader.uuid()
    reader.compactString()
    reader.compactArray(() => reader.int32())
    reader.skipTags()
  })
  reader.skipTags()
}

/** Positioned behind the answer's header and its throttle time. */
function answer(payload: Buffer): WireReader {
  const reader = new WireReader(payload)
  reader.skipTags()
  reader.int32()
  return reader
}

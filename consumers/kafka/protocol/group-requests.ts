import type { BrokerHandle } from '../client/kafkajs-internals.ts'
import { WireReader, WireWriter } from './wire-codec.ts'

/**
 * The requests of a group member (classic protocol), each in its first flexible version, which every broker since
 * Kafka 2.4 speaks. An answer's error code is given as it is: the caller decides what it means for the member.
 */
const API = {
  describe: { apiKey: 15, apiVersion: 5, apiName: 'DescribeGroups' },
  findCoordinator: { apiKey: 10, apiVersion: 3, apiName: 'FindCoordinator' },
  heartbeat: { apiKey: 12, apiVersion: 4, apiName: 'Heartbeat' },
  join: { apiKey: 11, apiVersion: 6, apiName: 'JoinGroup' },
  leave: { apiKey: 13, apiVersion: 4, apiName: 'LeaveGroup' },
  sync: { apiKey: 14, apiVersion: 4, apiName: 'SyncGroup' },
} as const

const TIMEOUT_MS = 10_000
/** What a broker may take longer than the rebalance time-out to answer a join or a sync. */
const REBALANCE_MARGIN_MS = 5_000

/** A member of one generation of its group. */
export interface GroupPlace {
  readonly groupId: string
  readonly generationId: number
  readonly memberId: string
}

export interface JoinRequest {
  readonly groupId: string
  /** Empty: the coordinator gives one (error 79), to be used in the next request. */
  readonly memberId: string
  readonly sessionTimeoutMs: number
  readonly rebalanceTimeoutMs: number
  readonly protocol: string
  readonly metadata: Buffer
}

export interface JoinAnswer {
  readonly errorCode: number
  readonly generationId: number
  readonly leaderId: string
  readonly memberId: string
  /** Filled in the leader's answer only. The metadata is what a member sent, whoever that is. */
  readonly members: readonly { readonly memberId: string; readonly metadata: Buffer }[]
}

export interface Coordinator {
  readonly errorCode: number
  readonly nodeId: number
}

/** Any broker knows. */
export function requestCoordinator(broker: BrokerHandle, groupId: string): Promise<Coordinator> {
  const body = new WireWriter().noTags().compactString(groupId).int8(0).noTags().take()
  return broker.send({ ...API.findCoordinator, body }, TIMEOUT_MS, (payload) => {
    const reader = answer(payload)
    const errorCode = reader.int16()
    reader.compactString()
    return { errorCode, nodeId: reader.int32() }
  })
}

/** Answered when all members of the group have joined, or the rebalance time-out is over. */
export function requestJoin(coordinator: BrokerHandle, request: JoinRequest): Promise<JoinAnswer> {
  const writer = new WireWriter().noTags().compactString(request.groupId)
  writer.int32(request.sessionTimeoutMs).int32(request.rebalanceTimeoutMs)
  writer.compactString(request.memberId).compactNullableString(null).compactString('consumer')
  writer.compactArray([request], ({ protocol, metadata }) => {
    writer.compactString(protocol).compactBytes(metadata).noTags()
  })
  const timeoutMs = request.rebalanceTimeoutMs + REBALANCE_MARGIN_MS
  return coordinator.send({ ...API.join, body: writer.noTags().take() }, timeoutMs, decodeJoinAnswer)
}

export function decodeJoinAnswer(payload: Buffer): JoinAnswer {
  const reader = answer(payload)
  const errorCode = reader.int16()
  const generationId = reader.int32()
  reader.compactString()
  const leaderId = reader.compactString() ?? ''
  const memberId = reader.compactString() ?? ''
  const members = reader.compactArray(() => {
    const id = reader.compactString() ?? ''
    reader.compactString()
    const metadata = reader.compactBytes() ?? Buffer.alloc(0)
    reader.skipTags()
    return { memberId: id, metadata }
  })
  return { errorCode, generationId, leaderId, memberId, members }
}

/** The leader sends an assignment for each member, the others none; all get their own when the leader's is there. */
export function requestSync(
  coordinator: BrokerHandle,
  place: GroupPlace,
  assignments: ReadonlyMap<string, Buffer>,
  rebalanceTimeoutMs: number,
): Promise<{ readonly errorCode: number; readonly assignment: Buffer }> {
  const writer = placed(place).compactNullableString(null)
  writer.compactArray([...assignments], ([memberId, assignment]) => {
    writer.compactString(memberId).compactBytes(assignment).noTags()
  })
  const timeoutMs = rebalanceTimeoutMs + REBALANCE_MARGIN_MS
  return coordinator.send({ ...API.sync, body: writer.noTags().take() }, timeoutMs, (payload) => {
    const reader = answer(payload)
    const errorCode = reader.int16()
    return { errorCode, assignment: reader.compactBytes() ?? Buffer.alloc(0) }
  })
}

/** Gives the error code. */
export function requestHeartbeat(coordinator: BrokerHandle, place: GroupPlace): Promise<number> {
  const body = placed(place).compactNullableString(null).noTags().take()
  return coordinator.send({ ...API.heartbeat, body }, TIMEOUT_MS, (payload) => answer(payload).int16())
}

/** Takes members out of the group; each may take out any other. Gives the error code. */
export function requestLeave(
  coordinator: BrokerHandle,
  groupId: string,
  memberIds: readonly string[],
): Promise<number> {
  const writer = new WireWriter().noTags().compactString(groupId)
  writer.compactArray(memberIds, (id) => writer.compactString(id).compactNullableString(null).noTags())
  const request = { ...API.leave, body: writer.noTags().take() }
  return coordinator.send(request, TIMEOUT_MS, (payload) => answer(payload).int16())
}

/** The ids of all members, in whatever state the group is. */
export function requestMemberIds(coordinator: BrokerHandle, groupId: string): Promise<string[]> {
  const writer = new WireWriter().noTags()
  writer.compactArray([groupId], (id) => writer.compactString(id))
  const request = { ...API.describe, body: writer.int8(0).noTags().take() }
  return coordinator.send(request, TIMEOUT_MS, (payload) => {
    const reader = answer(payload)
    return reader.compactArray(() => readMemberIds(reader)).flat()
  })
}

function readMemberIds(reader: WireReader): string[] {
  reader.int16()
  for (let field = 0; field < 4; field++) reader.compactString()
  const ids = reader.compactArray(() => {
    const id = reader.compactString() ?? ''
    for (let field = 0; field < 3; field++) reader.compactString()
    reader.compactBytes()
    reader.compactBytes()
    reader.skipTags()
    return id
  })
  reader.int32()
  reader.skipTags()
  return ids
}

function placed({ groupId, generationId, memberId }: GroupPlace): WireWriter {
  return new WireWriter().noTags().compactString(groupId).int32(generationId).compactString(memberId)
}

/** Positioned behind the answer's header and its throttle time. */
function answer(payload: Buffer): WireReader {
  const reader = new WireReader(payload)
  reader.skipTags()
  reader.int32()
  return reader
}

import { randomUUID } from 'node:crypto'
import type { ClusterView } from '../../../consumers/kafka/client/cluster-view.ts'
import { WireReader, WireWriter } from '../../../consumers/kafka/protocol/wire-codec.ts'

/** ConsumerGroupHeartbeat: how a consumer of the newer protocol (KIP-848) joins, stays and leaves. */
const API = { apiKey: 68, apiVersion: 1, apiName: 'ConsumerGroupHeartbeat' } as const
const TIMEOUT_MS = 10_000
const JOIN_EPOCH = 0
const LEAVE_EPOCH = -1

/** Joins a group with the newer protocol, which turns its type; gives what leaves it again. */
export async function joinAsNewerConsumer(
  view: Pick<ClusterView, 'coordinator'>,
  groupId: string,
  topic: string,
): Promise<() => Promise<void>> {
  const coordinator = await view.coordinator(groupId)
  const memberId = randomUUID()
  const beat = (epoch: number) => {
    const writer = new WireWriter().noTags().compactString(groupId).compactString(memberId).int32(epoch)
    writer.compactNullableString(null).compactNullableString(null).int32(30_000)
    writer.compactArray([topic], (name) => writer.compactString(name))
    writer
      .compactNullableString(null)
      .compactNullableString(null)
      .compactArray([], () => undefined)
    const request = { ...API, body: writer.noTags().take() }
    return coordinator.send(request, TIMEOUT_MS, (payload) => {
      const reader = new WireReader(payload)
      reader.skipTags()
      reader.int32()
      const errorCode = reader.int16()
      if (errorCode !== 0) throw new Error(`error ${errorCode}: ${reader.compactString()}`)
    })
  }
  await beat(JOIN_EPOCH)
  return () => beat(LEAVE_EPOCH)
}

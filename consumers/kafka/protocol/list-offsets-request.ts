import type { BrokerHandle } from '../client/kafkajs-internals.ts'
import { WireReader, WireWriter } from './wire-codec.ts'

/** ListOffsets version 7. */
export const LIST_OFFSETS_API = { apiKey: 2, apiVersion: 7 } as const

/**
 * `latest`: the high watermark. `readable`: the last stable offset, which an open transaction holds back; nothing at or
 * behind it is handed to readers of committed records.
 */
const WHICH = {
  earliest: { timestamp: -2n, isolation: 0 },
  latest: { timestamp: -1n, isolation: 0 },
  readable: { timestamp: -1n, isolation: 1 },
} as const

export interface ListedOffset {
  readonly topic: string
  readonly partition: number
  readonly errorCode: number
  readonly offset: bigint
}

/** Asks the leader of these partitions. */
export function requestOffsets(
  leader: BrokerHandle,
  partitions: readonly { readonly topic: string; readonly partition: number }[],
  which: keyof typeof WHICH,
  timeoutMs = 10_000,
): Promise<ListedOffset[]> {
  const { timestamp, isolation } = WHICH[which]
  const writer = new WireWriter().noTags().int32(-1).int8(isolation)
  const byTopic = Map.groupBy(partitions, ({ topic }) => topic)
  writer.compactArray([...byTopic], ([topic, wanted]) => {
    writer.compactString(topic)
    writer.compactArray(wanted, ({ partition }) => {
      writer.int32(partition).int32(-1).int64(timestamp).noTags()
    })
    writer.noTags()
  })
  const request = { ...LIST_OFFSETS_API, apiName: 'ListOffsets', body: writer.noTags().take() }
  return leader.send(request, timeoutMs, decodeListOffsetsResponse)
}

export function decodeListOffsetsResponse(payload: Buffer): ListedOffset[] {
  const reader = new WireReader(payload)
  reader.skipTags()
  reader.int32()
  const topics = reader.compactArray(() => {
    const topic = reader.compactString() ?? ''
    const partitions = reader.compactArray(() => readPartition(reader, topic))
    reader.skipTags()
    return partitions
  })
  return topics.flat()
}

function readPartition(reader: WireReader, topic: string): ListedOffset {
  const partition = reader.int32()
  const errorCode = reader.int16()
  reader.int64()
  const offset = reader.int64()
  reader.int32()
  reader.skipTags()
  return { topic, partition, errorCode, offset }
}

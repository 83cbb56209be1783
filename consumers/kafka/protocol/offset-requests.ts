import type { BrokerHandle } from '../client/kafkajs-internals.ts'
import type { GroupPlace } from './group-requests.ts'
import { WireReader, WireWriter } from './wire-codec.ts'

/** OffsetCommit version 8 and OffsetFetch version 6: the first flexible ones, since Kafka 2.4. */
const COMMIT_API = { apiKey: 8, apiVersion: 8, apiName: 'OffsetCommit' } as const
const FETCH_API = { apiKey: 9, apiVersion: 6, apiName: 'OffsetFetch' } as const

const TIMEOUT_MS = 10_000

interface Place {
  readonly topic: string
  readonly partition: number
}

export interface OffsetCommit extends Place {
  readonly offset: bigint
  /** Kept beside the offset; brokers refuse more than 4,096 bytes by default (`offset.metadata.max.bytes`). */
  readonly note: string
}

/** What the coordinator says of one partition. Another error code than 0: this one was not committed. */
export interface CommitOutcome extends Place {
  readonly errorCode: number
}

export function requestCommit(
  coordinator: BrokerHandle,
  { groupId, generationId, memberId }: GroupPlace,
  commits: readonly OffsetCommit[],
): Promise<CommitOutcome[]> {
  const writer = new WireWriter().noTags().compactString(groupId).int32(generationId)
  writer.compactString(memberId).compactNullableString(null)
  writeTopics(writer, commits, ({ partition, offset, note }) => {
    writer.int32(partition).int64(offset).int32(-1).compactString(note).noTags()
  })
  return coordinator.send({ ...COMMIT_API, body: writer.noTags().take() }, TIMEOUT_MS, (payload) => {
    const reader = answer(payload)
    return readTopics(reader, (topic) => {
      const partition = reader.int32()
      return { topic, partition, errorCode: reader.int16() }
    })
  })
}

export interface FetchedOffset extends Place {
  readonly errorCode: number
  /** Negative where nothing is committed. */
  readonly offset: bigint
  readonly note: string
}

export interface OffsetFetchAnswer {
  /** Of the group; those of single partitions stand there. */
  readonly errorCode: number
  readonly offsets: readonly FetchedOffset[]
}

export function requestCommitted(
  coordinator: BrokerHandle,
  groupId: string,
  partitions: readonly Place[],
): Promise<OffsetFetchAnswer> {
  const writer = new WireWriter().noTags().compactString(groupId)
  const byTopic = Map.groupBy(partitions, ({ topic }) => topic)
  writer.compactArray([...byTopic], ([topic, wanted]) => {
    writer.compactString(topic)
    writer.compactArray(wanted, ({ partition }) => writer.int32(partition)).noTags()
  })
  return coordinator.send({ ...FETCH_API, body: writer.noTags().take() }, TIMEOUT_MS, (payload) => {
    const reader = answer(payload)
    const offsets = readTopics(reader, (topic) => {
      const partition = reader.int32()
      const offset = reader.int64()
      reader.int32()
      const note = reader.compactString() ?? ''
      return { topic, partition, offset, note, errorCode: reader.int16() }
    })
    return { errorCode: reader.int16(), offsets }
  })
}

function writeTopics<T extends Place>(
  writer: WireWriter,
  places: readonly T[],
  write: (place: T) => void,
): void {
  const byTopic = Map.groupBy(places, ({ topic }) => topic)
  writer.compactArray([...byTopic], ([topic, wanted]) => {
    writer.compactString(topic).compactArray(wanted, write).noTags()
  })
}

function readTopics<T>(reader: WireReader, read: (topic: string) => T): T[] {
  const topics = reader.compactArray(() => {
    const topic = reader.compactString() ?? ''
    const partitions = reader.compactArray(() => {
      const found = read(topic)
      reader.skipTags()
      return found
    })
    reader.skipTags()
    return partitions
  })
  return topics.flat()
}

/** Positioned behind the answer's header and its throttle time. */
function answer(payload: Buffer): WireReader {
  const reader = new WireReader(payload)
  reader.skipTags()
  reader.int32()
  return reader
}

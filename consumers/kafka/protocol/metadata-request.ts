import type { BrokerHandle } from '../client/kafkajs-internals.ts'
import { WireReader, WireWriter } from './wire-codec.ts'

/** Metadata version 12: the first with topic ids for requests by name that every broker since Kafka 3.1 speaks. */
export const METADATA_API = { apiKey: 3, apiVersion: 12 } as const

export interface PartitionMetadata {
  readonly partition: number
  readonly errorCode: number
  /** Node id of the leader, -1 where there is none. */
  readonly leader: number
  readonly replicas: number
}

export interface TopicMetadata {
  readonly errorCode: number
  readonly topic: string
  /** Canonical lower-case UUID; the nil UUID where the topic does not exist. */
  readonly topicId: string
  readonly partitions: readonly PartitionMetadata[]
}

export interface ClusterMetadata {
  readonly clusterId: string | null
  readonly brokers: readonly { readonly nodeId: number; readonly host: string; readonly port: number }[]
  readonly topics: readonly TopicMetadata[]
}

const NIL_UUID = '00000000-0000-0000-0000-000000000000'

/** Asks one broker. Never creates a topic. */
export function requestMetadata(
  broker: BrokerHandle,
  topics: readonly string[],
  timeoutMs = 10_000,
): Promise<ClusterMetadata> {
  const body = encodeMetadataRequest(topics)
  return broker.send({ ...METADATA_API, apiName: 'Metadata', body }, timeoutMs, decodeMetadataResponse)
}

export function encodeMetadataRequest(topics: readonly string[]): Buffer {
  const writer = new WireWriter().noTags()
  writer.compactArray(topics, (topic) => writer.uuid(NIL_UUID).compactString(topic).noTags())
  return writer.int8(0).int8(0).noTags().take()
}

export function decodeMetadataResponse(payload: Buffer): ClusterMetadata {
  const reader = new WireReader(payload)
  reader.skipTags()
  reader.int32()
  const brokers = reader.compactArray(() => readBroker(reader))
  const clusterId = reader.compactString()
  reader.int32()
  const topics = reader.compactArray(() => readTopic(reader))
  return { clusterId, brokers, topics }
}

function readBroker(reader: WireReader) {
  const nodeId = reader.int32()
  const host = reader.compactString() ?? ''
  const port = reader.int32()
  reader.compactString()
  reader.skipTags()
  return { nodeId, host, port }
}

function readTopic(reader: WireReader): TopicMetadata {
  const errorCode = reader.int16()
  const topic = reader.compactString() ?? ''
  const topicId = reader.uuid()
  reader.bool()
  const partitions = reader.compactArray(() => readPartition(reader))
  reader.int32()
  reader.skipTags()
  return { errorCode, topic, topicId, partitions }
}

function readPartition(reader: WireReader): PartitionMetadata {
  const errorCode = reader.int16()
  const partition = reader.int32()
  const leader = reader.int32()
  reader.int32()
  const replicas = reader.compactArray(() => reader.int32()).length
  reader.compactArray(() => reader.int32())
  reader.compactArray(() => reader.int32())
  reader.skipTags()
  return { errorCode, partition, leader, replicas }
}

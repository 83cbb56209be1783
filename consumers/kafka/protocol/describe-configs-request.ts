import type { BrokerHandle } from '../client/kafkajs-internals.ts'
import { WireReader, WireWriter } from './wire-codec.ts'

/** DescribeConfigs version 4: the first flexible one, since Kafka 2.6. */
const API = { apiKey: 32, apiVersion: 4, apiName: 'DescribeConfigs' } as const

const TIMEOUT_MS = 10_000

export const RESOURCE = { topic: 2, broker: 4 } as const

export interface ConfigResource {
  readonly type: (typeof RESOURCE)[keyof typeof RESOURCE]
  readonly name: string
}

/** An error of one resource (it does not exist, may not be read) leaves the others' answers alone. */
export interface DescribedConfig extends ConfigResource {
  readonly errorCode: number
  readonly values: ReadonlyMap<string, string>
}

/** Any broker knows the settings of topics; those of a broker are asked of itself. */
export function requestConfigs(
  broker: BrokerHandle,
  resources: readonly ConfigResource[],
): Promise<DescribedConfig[]> {
  const writer = new WireWriter().noTags()
  writer.compactArray(resources, ({ type, name }) =>
    writer.int8(type).compactString(name).uvarint(0).noTags(),
  )
  const request = { ...API, body: writer.int8(0).int8(0).noTags().take() }
  return broker.send(request, TIMEOUT_MS, decodeConfigs)
}

export function decodeConfigs(payload: Buffer): DescribedConfig[] {
  const reader = new WireReader(payload)
  reader.skipTags()
  reader.int32()
  return reader.compactArray(() => {
    const errorCode = reader.int16()
    reader.compactString()
    const type = reader.int8() === RESOURCE.topic ? RESOURCE.topic : RESOURCE.broker
    const name = reader.compactString() ?? ''
    const entries = reader.compactArray(() => readEntry(reader))
    reader.skipTags()
    return { errorCode, type, name, values: new Map(entries) }
  })
}

function readEntry(reader: WireReader): [name: string, value: string] {
  const name = reader.compactString() ?? ''
  const value = reader.compactString() ?? ''
  reader.bool()
  reader.int8()
  reader.bool()
  reader.compactArray(() => {
    reader.compactString()
    reader.compactString()
    reader.int8()
    reader.skipTags()
  })
  reader.int8()
  reader.compactString()
  reader.skipTags()
  return [name, value]
}

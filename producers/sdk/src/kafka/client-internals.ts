import { encodeProduceBody, type PartitionBatch, type TopicBatches, type WireRecord } from './produce-body.ts'

/**
 * The part of kafkajs that is not in its type declarations. Its encoder takes most of what a send costs, so the
 * body of Produce requests is written by ours instead, byte for byte the same. All else stays kafkajs's: connections,
 * log-in, metadata, retries and answers.
 *
 * Only the given client object is changed, nothing process-wide. Where anything has another shape than in the pinned
 * version, kafkajs's own encoder goes on: slower, with the same result.
 */
export function encodeFaster(client: object): void {
  const symbol = Object.getOwnPropertySymbols(client).find(
    ({ description }) => description === 'private:Kafka:createCluster',
  )
  const create: unknown = symbol === undefined ? undefined : Reflect.get(client, symbol)
  if (symbol === undefined || typeof create !== 'function') return
  Reflect.set(client, symbol, (...args: unknown[]): unknown => {
    const cluster: unknown = Reflect.apply(create, client, args)
    if (isObject(cluster)) wrapBrokersOf(cluster)
    return cluster
  })
}

function wrapBrokersOf(cluster: object): void {
  const find: unknown = Reflect.get(cluster, 'findBroker')
  if (typeof find !== 'function') return
  const wrapped = new WeakSet<object>()
  Reflect.set(cluster, 'findBroker', async (...args: unknown[]): Promise<unknown> => {
    const broker: unknown = await Reflect.apply(find, cluster, args)
    if (isObject(broker) && !wrapped.has(broker)) {
      wrapped.add(broker)
      wrapProduce(broker)
    }
    return broker
  })
}

/** kafkajs's `produce` asks its broker object for the request; through this view it gets ours. */
function wrapProduce(broker: object): void {
  const produce: unknown = Reflect.get(broker, 'produce')
  if (typeof produce !== 'function') return
  const lookupRequest = (...asked: unknown[]): unknown => {
    const lookup: unknown = Reflect.get(broker, 'lookupRequest')
    const make: unknown = typeof lookup === 'function' ? Reflect.apply(lookup, broker, asked) : undefined
    if (typeof make !== 'function') return make
    return (args: unknown): unknown => withOurBody(Reflect.apply(make, undefined, [args]), args)
  }
  const view: object = Object.create(broker, { lookupRequest: { value: lookupRequest } })
  Reflect.set(broker, 'produce', (args: unknown) => Reflect.apply(produce, view, [args]))
}

/** A protocol request as kafkajs made it, with our encoder in the place of its own where that knows all of it. */
export function withOurBody(made: unknown, args: unknown): unknown {
  const request: unknown = isObject(made) ? Reflect.get(made, 'request') : undefined
  const body = isObject(request) && isKnown(request) ? bodyOf(args) : null
  if (!isObject(made) || !isObject(request) || body === null) return made
  const encode = async () => {
    const buffer = encodeProduceBody({ ...body, now: Date.now() })
    return { buf: buffer, buffer }
  }
  return { ...made, request: { ...request, encode } }
}

const PRODUCE = 0
const OLDEST_VERSION = 3
const NEWEST_VERSION = 7

function isKnown(request: object): boolean {
  const version: unknown = Reflect.get(request, 'apiVersion')
  return (
    Reflect.get(request, 'apiKey') === PRODUCE &&
    typeof version === 'number' &&
    version >= OLDEST_VERSION &&
    version <= NEWEST_VERSION
  )
}

function bodyOf(args: unknown) {
  if (!isObject(args)) return null
  const { acks, timeout, compression, transactionalId, producerId, producerEpoch, topicData } = fields(args)
  if (compression !== 0 || (transactionalId !== undefined && transactionalId !== null)) return null
  if (typeof acks !== 'number' || typeof timeout !== 'number' || typeof producerEpoch !== 'number')
    return null
  if (typeof producerId !== 'string' && typeof producerId !== 'number') return null
  if (!Array.isArray(topicData) || !topicData.every(isTopic)) return null
  return { acks, timeoutMs: timeout, producerId: BigInt(producerId), producerEpoch, topics: topicData }
}

function fields(value: object): Readonly<Record<string, unknown>> {
  return { ...value }
}

function isTopic(value: unknown): value is TopicBatches {
  if (!isObject(value)) return false
  const { topic, partitions } = fields(value)
  return typeof topic === 'string' && Array.isArray(partitions) && partitions.every(isPartition)
}

function isPartition(value: unknown): value is PartitionBatch {
  if (!isObject(value)) return false
  const { partition, firstSequence, messages } = fields(value)
  const numbers = typeof partition === 'number' && typeof firstSequence === 'number'
  return numbers && Array.isArray(messages) && messages.length > 0 && messages.every(isPlain)
}

/** No headers and no time of its own, which `ProducerLane` never gives. */
function isPlain(message: unknown): message is WireRecord {
  return (
    isObject(message) &&
    'key' in message &&
    'value' in message &&
    Buffer.isBuffer(message.key) &&
    Buffer.isBuffer(message.value) &&
    !('headers' in message) &&
    !('timestamp' in message)
  )
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null
}

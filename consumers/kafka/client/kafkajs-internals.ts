import { DaybookError } from '../../../schemas/errors.ts'

/**
 * The part of kafkajs that is not in its type declarations. It is reached through the cluster object that kafkajs
 * hands to every partition assigner, so only this consumer's own connections are touched and nothing is patched
 * process-wide. Everything here is checked when it is first used: a version with another inside fails at start.
 */
export interface WireRequest {
  readonly apiKey: number
  readonly apiVersion: number
  readonly apiName: string
  /** The body after the request header's client id. For flexible versions it begins with the header's tagged fields. */
  readonly body: Buffer
}

export interface BrokerHandle {
  readonly nodeId: number
  isConnected(): boolean
  disconnect(): Promise<void>
  /**
   * Breaks the connection that all requests but Fetch use: what waits for an answer there is rejected as after a lost
   * connection, and the next request connects again. `disconnect` would wait for the answers.
   */
  breakOff(): Promise<void>
  /** Sends a request of our own on kafkajs's connection (TLS, SASL and time-outs are kafkajs's). */
  send<T>(request: WireRequest, requestTimeoutMs: number, decode: (payload: Buffer) => T): Promise<T>
  /** The highest version of an API that this broker speaks, -1 where it does not know it. */
  maxVersion(apiKey: number): number
}

type Method = (...args: unknown[]) => unknown

function method(target: object, name: string): Method {
  const value: unknown = Reflect.get(target, name)
  if (typeof value !== 'function') throw unexpectedShape(name)
  return (...args) => Reflect.apply(value, target, args)
}

function unexpectedShape(what: string): DaybookError {
  return new DaybookError(
    'DAYBOOK_KAFKA_CLIENT_VERSION',
    `kafkajs has no ${what}: another version than the pinned one is loaded; run npm ci`,
    { scope: 'worker', details: { missing: what } },
  )
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null
}

/** @throws DaybookError DAYBOOK_KAFKA_CLIENT_VERSION when the object is not what the pinned version makes. */
export function brokerHandle(broker: unknown): BrokerHandle {
  if (!isObject(broker)) throw unexpectedShape('broker')
  const pool: unknown = Reflect.get(broker, 'connectionPool')
  const nodeId: unknown = Reflect.get(broker, 'nodeId')
  if (!isObject(pool)) throw unexpectedShape('broker.connectionPool')
  const send = method(pool, 'send')
  const isConnected = method(broker, 'isConnected')
  const disconnect = method(broker, 'disconnect')
  return {
    nodeId: Number(nodeId),
    isConnected: () => isConnected() === true,
    disconnect: async () => {
      await disconnect()
    },
    breakOff: () => breakFirstConnection(pool),
    maxVersion: (apiKey) => readMaxVersion(Reflect.get(broker, 'versions'), apiKey),
    send: async (request, requestTimeoutMs, decode) => {
      let decoded: { readonly value: ReturnType<typeof decode> } | null = null
      await send({
        request: { ...request, encode: async () => ({ buf: request.body, buffer: request.body }) },
        response: {
          decode: async (payload: Buffer) => {
            decoded = { value: decode(payload) }
            return {}
          },
          parse: async () => null,
        },
        requestTimeout: requestTimeoutMs,
        logResponseError: false,
      })
      return settled(decoded, request.apiName)
    },
  }
}

/** kafkajs keeps two connections to a broker: the second is for Fetch. */
function connectionsOf(pool: object): readonly [object, object] {
  const connections: unknown = Reflect.get(pool, 'pool')
  const [first, second]: unknown[] = Array.isArray(connections) ? connections : []
  if (!isObject(first) || !isObject(second)) throw unexpectedShape('connectionPool.pool')
  return [first, second]
}

async function breakFirstConnection(pool: object): Promise<void> {
  const [first] = connectionsOf(pool)
  const socket: unknown = Reflect.get(first, 'socket')
  if (!isObject(socket) || Reflect.get(socket, 'destroyed') === true) return
  // kafkajs takes the connection for a good one until its own listener has run.
  const closed = new Promise<void>((resolve) => method(socket, 'once')('close', () => setImmediate(resolve)))
  // Without an error it would close in silence, and kafkajs would go on waiting.
  method(socket, 'destroy')(new Error('the request is not waited for any more'))
  await closed
}

function settled<T>(decoded: { readonly value: T } | null, apiName: string): T {
  if (decoded === null) throw unexpectedShape(`response to ${apiName}`)
  return decoded.value
}

function readMaxVersion(versions: unknown, apiKey: number): number {
  if (!isObject(versions)) return -1
  const range: unknown = Reflect.get(versions, String(apiKey))
  if (!isObject(range)) return -1
  const max: unknown = Reflect.get(range, 'maxVersion')
  return typeof max === 'number' ? max : -1
}

/**
 * kafkajs joins what is left of the answer before with what comes. Ours come whole (runtime/kafka-wire), so nothing is
 * left, and joining would only copy each answer, of several MiB. To be called once for each broker object.
 */
export function takeAnswersUncopied(broker: object): void {
  const pool: unknown = Reflect.get(broker, 'connectionPool')
  if (!isObject(pool)) throw unexpectedShape('broker.connectionPool')
  for (const connection of connectionsOf(pool)) {
    const take = method(connection, 'processData')
    Reflect.set(connection, 'processData', (answer: unknown) => {
      if (Reflect.get(connection, 'bytesBuffered') === 0) Reflect.set(connection, 'chunks', [])
      take(answer)
    })
  }
}

/** Lets `wrap` change each broker object that kafkajs makes for this cluster, before it is used. */
export function wrapCreatedBrokers(cluster: object, wrap: (broker: object) => void): void {
  const pool: unknown = Reflect.get(cluster, 'brokerPool')
  if (!isObject(pool)) throw unexpectedShape('cluster.brokerPool')
  const create = method(pool, 'createBroker')
  Reflect.set(pool, 'createBroker', (...args: unknown[]) => {
    const broker = create(...args)
    if (!isObject(broker)) throw unexpectedShape('broker')
    wrap(broker)
    return broker
  })
}

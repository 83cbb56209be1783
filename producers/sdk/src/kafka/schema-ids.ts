import type { SchemaRegistry } from '@kafkajs/confluent-schema-registry'
import { DaybookError } from '../../../../schemas/errors.ts'

export interface RegistryOptions {
  readonly url: string
  readonly auth?: { readonly username: string; readonly password: string }
  /** Register the event schema where the registry does not know it. Default: true; false only looks it up. */
  readonly register?: boolean
}

/** 400 is not among them: the client reports a registry that it cannot reach as 400. */
const REFUSALS = new Set([401, 403, 404, 405, 409, 422])

/** Learns schema ids when they are first needed, once each. */
export class SchemaIds {
  readonly #options: RegistryOptions
  readonly #clientId: string
  readonly #known = new Map<string, Map<string, number>>()
  #registry: Promise<SchemaRegistry> | null = null

  constructor(options: { registry: RegistryOptions; clientId: string }) {
    this.#options = options.registry
    this.#clientId = options.clientId
  }

  /** Undefined until `learn` has succeeded. */
  known(topic: string, schema: string): number | undefined {
    return this.#known.get(topic)?.get(schema)
  }

  /** @throws DaybookError retryable when the registry does not answer. */
  async learn(topic: string, schema: string): Promise<void> {
    if (this.known(topic, schema) !== undefined) return
    const subject = `${topic}-value`
    try {
      const id = await this.#idOf(await this.#client(), subject, schema)
      const ofTopic = this.#known.get(topic) ?? new Map<string, number>()
      this.#known.set(topic, ofTopic.set(schema, id))
    } catch (error) {
      throw registryError(error, this.#options.url, subject)
    }
  }

  async #idOf(registry: SchemaRegistry, subject: string, schema: string): Promise<number> {
    const { COMPATIBILITY, SchemaType } = await import('@kafkajs/confluent-schema-registry')
    const typed = { type: SchemaType.AVRO, schema } as const
    try {
      return await registry.getRegistryIdBySchema(subject, typed)
    } catch (error) {
      if (!isUnknown(error) || this.#options.register === false) throw error
    }
    const { id } = await registry.register(typed, { subject, compatibility: COMPATIBILITY.FULL_TRANSITIVE })
    return id
  }

  #client(): Promise<SchemaRegistry> {
    this.#registry ??= import('@kafkajs/confluent-schema-registry').then(({ SchemaRegistry }) => {
      const { url, auth } = this.#options
      const args = { host: url, clientId: this.#clientId, retry: { retries: 0 } }
      return new SchemaRegistry(auth === undefined ? args : { ...args, auth })
    })
    return this.#registry
  }
}

function registryError(cause: unknown, url: string, subject: string): DaybookError {
  const status = statusOf(cause)
  const why = cause instanceof Error ? cause.message : String(cause)
  const refused = isUnknown(cause) || (status !== undefined && REFUSALS.has(status))
  const code = refused ? 'DAYBOOK_SDK_REGISTRY_REFUSED' : 'DAYBOOK_SDK_REGISTRY_UNAVAILABLE'
  const remedy = refused
    ? 'Register the schema (`daybook schema register`) or correct the credentials.'
    : 'Events wait in the spool until it answers.'
  return new DaybookError(
    code,
    `The schema registry ${url} did not give an id for ${subject}: ${why}. ${remedy}`,
    {
      retryable: !refused,
      cause,
      details: { subject, status: status ?? null },
    },
  )
}

/** The client turns a 404 of this look-up into an error of its own name, without a status. */
function isUnknown(error: unknown): boolean {
  return error instanceof Error && error.name === 'ConfluentSchemaRegistryError'
}

function statusOf(error: unknown): number | undefined {
  return error instanceof Error && 'status' in error && typeof error.status === 'number'
    ? error.status
    : undefined
}

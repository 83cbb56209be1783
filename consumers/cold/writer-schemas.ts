import { compileHeadReader, type EventHead, type HeadReader } from '../../schemas/archive/head.ts'
import { rowSchema } from '../../schemas/archive/row-schema.ts'
import { parseRecordSchema } from '../../schemas/avro-node.ts'
import type { AvroRecordSchema } from '../../schemas/avro-schema.ts'
import { DaybookError } from '../../schemas/errors.ts'
import { relationOf } from '../../schemas/relation.ts'
import { compileResolver, type Resolver } from '../../schemas/resolve.ts'

/** A schema as the registry holds it. */
export interface RegisteredSchema {
  readonly id: number
  /** The exact text. */
  readonly text: string
  readonly schema: AvroRecordSchema
}

/** What the archive needs to know of schemas. */
export interface ArchiveCatalogue {
  /** The schema with this id, under which the checker has accepted a record of the range. Never asks the registry. */
  schemaOf(schemaId: number): RegisteredSchema
  /** Shapes the rows of ranges that hold no event. */
  readonly newest: { readonly schema: AvroRecordSchema }
}

/** A writer's schema with all that is compiled from it. */
export interface CompiledWriter {
  readonly registered: RegisteredSchema | null
  readonly rowSchemaJson: string
  readonly readHead: HeadReader
  /** A record of nothing but defaults: the payload of rows that are no event. */
  readonly defaults: Buffer
}

const NOTHING: AvroRecordSchema = { type: 'record', name: 'Nothing', fields: [] }

/** Compiles each schema once. */
export class WriterSchemas {
  /** What the head readers of all schemas fill. */
  readonly head: EventHead = { tenantStart: 0, tenantEnd: 0, occurredAt: 0 }
  readonly #catalogue: ArchiveCatalogue
  readonly #compiled = new Map<number | null, CompiledWriter>()
  readonly #resolvers = new Map<string, Resolver | null>()
  readonly #bases = new Map<string, number | null>()

  constructor(catalogue: ArchiveCatalogue) {
    this.#catalogue = catalogue
  }

  of(schemaId: number | null): CompiledWriter {
    const known = this.#compiled.get(schemaId)
    if (known !== undefined) return known
    const registered = schemaId === null ? null : this.#catalogue.schemaOf(schemaId)
    const schema = registered?.schema ?? this.#catalogue.newest.schema
    const compiled = {
      registered,
      rowSchemaJson: rowSchema(schema),
      readHead: compileHeadReader(schema, this.head),
      defaults: Buffer.from(compileResolver(NOTHING, schema)(Buffer.alloc(0), 0, 0)),
    }
    this.#compiled.set(schemaId, compiled)
    return compiled
  }

  /**
   * The schema whose encoding the rows of an object take: of those in the range one that has a place for all that
   * the others say, else one that all the others can be brought into. Null where no id is given.
   */
  base(schemaIds: ReadonlySet<number>): number | null {
    const ids = [...schemaIds].sort((a, b) => b - a)
    const name = ids.join()
    const known = this.#bases.get(name)
    if (known !== undefined) return known
    const nodes = ids.map((id) => parseRecordSchema(this.#catalogue.schemaOf(id).schema))
    const index = nodes.findIndex((node) =>
      nodes.every((other) => other === node || ['same', 'older'].includes(relationOf(other, node))),
    )
    const base =
      ids[index] ?? ids.find((id) => ids.every((from) => this.resolver(from, id) !== null)) ?? ids[0] ?? null
    this.#bases.set(name, base)
    return base
  }

  /** Re-encodes payloads of schema `from` under schema `to`; null where they do not go together. */
  resolver(from: number, to: number): Resolver | null {
    const name = `${from}>${to}`
    const known = this.#resolvers.get(name)
    if (known !== undefined) return known
    const resolver = compiled(this.#catalogue.schemaOf(from).schema, this.#catalogue.schemaOf(to).schema)
    this.#resolvers.set(name, resolver)
    return resolver
  }
}

function compiled(from: AvroRecordSchema, to: AvroRecordSchema): Resolver | null {
  try {
    return compileResolver(from, to)
  } catch (error) {
    if (error instanceof DaybookError && error.code === 'DAYBOOK_SCHEMA_INCOMPATIBLE') return null
    throw error
  }
}

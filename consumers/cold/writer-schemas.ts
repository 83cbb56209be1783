import { LoopTurn } from '../../runtime/loop-turn.ts'
import { compileHeadReader, type EventHead, type HeadReader } from '../../schemas/archive/head.ts'
import { rowSchema } from '../../schemas/archive/row-schema.ts'
import { parseRecordSchema, type RecordNode } from '../../schemas/avro-node.ts'
import type { AvroRecordSchema } from '../../schemas/avro-schema.ts'
import { DaybookError } from '../../schemas/errors.ts'
import { isCovered, relationOf } from '../../schemas/relation.ts'
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

/** What the rows of an object take from the schema under which they are spliced. */
export interface ObjectSchema {
  readonly registered: RegisteredSchema | null
  readonly rowSchemaJson: string
  /** A record of nothing but defaults: the payload of rows that are no event. */
  readonly defaults: Buffer
}

const NOTHING: AvroRecordSchema = { type: 'record', name: 'Nothing', fields: [] }

/** As many as one object can need, for several partitions at a time; those that are made first go first. */
const MAX_RESOLVERS = 200

/** Compiles what is needed of each schema, once. */
export class WriterSchemas {
  /** What the head readers of all schemas fill. */
  readonly head: EventHead = { tenantStart: 0, tenantEnd: 0, occurredAt: 0 }
  readonly #catalogue: ArchiveCatalogue
  readonly #turn = new LoopTurn()
  readonly #objects = new Map<number | null, ObjectSchema>()
  readonly #headReaders = new Map<number, HeadReader>()
  readonly #nodes = new Map<number, RecordNode>()
  readonly #covers = new Map<string, boolean>()
  readonly #resolvers = new Map<string, Resolver | null>()

  constructor(catalogue: ArchiveCatalogue) {
    this.#catalogue = catalogue
  }

  of(schemaId: number | null): ObjectSchema {
    const known = this.#objects.get(schemaId)
    if (known !== undefined) return known
    const registered = schemaId === null ? null : this.#catalogue.schemaOf(schemaId)
    const schema = registered?.schema ?? this.#catalogue.newest.schema
    const compiled = {
      registered,
      rowSchemaJson: rowSchema(schema),
      defaults: Buffer.from(compileResolver(NOTHING, schema)(Buffer.alloc(0), 0, 0)),
    }
    this.#objects.set(schemaId, compiled)
    return compiled
  }

  headReader(schemaId: number): HeadReader {
    const known = this.#headReaders.get(schemaId)
    if (known !== undefined) return known
    const made = compileHeadReader(this.#catalogue.schemaOf(schemaId).schema, this.head)
    this.#headReaders.set(schemaId, made)
    return made
  }

  /**
   * The schema whose encoding the rows of an object take: of those in the range one that no other has more places
   * than, the newest of these. So one that has a place for all that the others say, where there is one, else one that
   * all the others can be brought into. Null where no id is given. All that rows of these schemas need is compiled, the
   * event loop has its turns meanwhile.
   */
  async prepare(schemaIds: ReadonlySet<number>): Promise<number | null> {
    const ids = [...schemaIds].sort((a, b) => b - a)
    const [first, ...others] = ids
    if (first === undefined) return null
    let widest = first
    for (const id of others) {
      if (this.#has(id, widest) && !this.#has(widest, id)) widest = id
      await this.#turn.giveWay()
    }
    for (const id of ids) {
      this.headReader(id)
      await this.#turn.giveWay()
    }
    // The widest does, as far as the catalogue took only schemas that go together.
    for (const base of [widest, ...ids.filter((id) => id !== widest)])
      if (await this.#takesAll(base, ids)) return base
    return widest
  }

  async #takesAll(base: number, ids: readonly number[]): Promise<boolean> {
    for (const id of ids) {
      if (id !== base && this.resolver(id, base) === null) return false
      await this.#turn.giveWay()
    }
    return true
  }

  /** Re-encodes payloads of schema `from` under schema `to`; null where they do not go together. */
  resolver(from: number, to: number): Resolver | null {
    const name = `${from}>${to}`
    const known = this.#resolvers.get(name)
    if (known !== undefined) return known
    const resolver = compiled(this.#catalogue.schemaOf(from).schema, this.#catalogue.schemaOf(to).schema)
    this.#resolvers.set(name, resolver)
    const [oldest] = this.#resolvers.keys()
    if (this.#resolvers.size > MAX_RESOLVERS && oldest !== undefined) this.#resolvers.delete(oldest)
    return resolver
  }

  /** Whether schema `wide` has a place for all that `narrow` says. */
  #has(wide: number, narrow: number): boolean {
    const name = `${wide}>${narrow}`
    const known = this.#covers.get(name)
    if (known !== undefined) return known
    const made = isCovered(relationOf(this.#node(narrow), this.#node(wide)))
    this.#covers.set(name, made)
    return made
  }

  #node(id: number): RecordNode {
    const known = this.#nodes.get(id)
    if (known !== undefined) return known
    const made = parseRecordSchema(this.#catalogue.schemaOf(id).schema)
    this.#nodes.set(id, made)
    return made
  }
}

/** Null is kept too: to find it out for each record would cost more than to read it. */
function compiled(from: AvroRecordSchema, to: AvroRecordSchema): Resolver | null {
  try {
    return compileResolver(from, to)
  } catch (error) {
    if (error instanceof DaybookError) return null
    throw error
  }
}

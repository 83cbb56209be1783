import type { Clock } from '../../runtime/clock.ts'
import type { RegistryReader } from '../../runtime/registry.ts'
import { parseRecordSchema } from '../../schemas/avro-node.ts'
import type { AvroRecordSchema } from '../../schemas/avro-schema.ts'
import { DaybookError } from '../../schemas/errors.ts'
import { relationOf, type SchemaRelation } from '../../schemas/relation.ts'
import { compileResolver } from '../../schemas/resolve.ts'
import { compileSkipper, type Skipper } from '../../schemas/skip.ts'

/** The only record type of the event topics. */
export const EVENT_NAME = 'io.daybook.AuditEvent'

/** A version of AuditEvent that the registry knows. */
export interface KnownSchema {
  readonly id: number
  /** The text exactly as registered. */
  readonly text: string
  readonly schema: AvroRecordSchema
  /** How it stands to the newest schema of this build. Never `incompatible`. */
  readonly relation: Exclude<SchemaRelation, 'incompatible'>
  readonly skipper: Skipper
}

export type CatalogueEntry =
  | { readonly kind: 'event'; readonly known: KnownSchema }
  | { readonly kind: 'unknown' }
  | { readonly kind: 'wrong'; readonly reason: string }

/** What the checker and the sinks know about schema ids. */
export interface SchemaCatalogue {
  /** The newest schema that this build knows. */
  readonly newest: { readonly text: string; readonly schema: AvroRecordSchema }
  /** Asks the registry for ids that are not known, or no longer believed unknown. @throws what RegistryReader throws */
  load(ids: Iterable<number>): Promise<void>
  /** Whether `load` has nothing to do for this id. */
  isLoaded(id: number): boolean
  /** Without I/O: what `load` found; undefined before. */
  entry(id: number): CatalogueEntry | undefined
  /** The schema of an accepted event. @throws DaybookError DAYBOOK_SCHEMA_NOT_LOADED when `load` was not called for it. */
  schemaOf(id: number): KnownSchema
  /** For stores whose table cannot take more. @throws DaybookError DAYBOOK_SCHEMA_NEWER_THAN_WORKER, not retryable. */
  assertNotNewer(id: number): void
}

export interface CatalogueOptions {
  readonly registry: RegistryReader
  readonly clock: Clock
  readonly newest: { readonly text: string; readonly schema: AvroRecordSchema }
  /** When given, an id must stand under one of these subjects: else anyone could register a look-alike elsewhere. */
  readonly subjects?: readonly string[]
  /** How long "unknown" and "under no subject of ours" are believed. */
  readonly negativeTtlMs?: number
}

const DEFAULT_NEGATIVE_TTL_MS = 30_000

interface Slot {
  readonly entry: CatalogueEntry
  readonly expiresAt: number
}

export function createCatalogue(options: CatalogueOptions): SchemaCatalogue {
  const { clock, registry } = options
  const negativeTtlMs = options.negativeTtlMs ?? DEFAULT_NEGATIVE_TTL_MS
  const { newest } = options
  const newestNode = parseRecordSchema(newest.schema)
  const slots = new Map<number, Slot>()

  async function loadOne(id: number): Promise<void> {
    const found = await registry.schemaById(id)
    if (found.state === 'unknown') return keep(id, { kind: 'unknown' }, clock.now() + negativeTtlMs)
    const entry = judge(id, found.text, found.schemaType)
    if (entry.kind === 'event' && !(await isOurs(id))) {
      const reason = `schema ${id} stands under none of the subjects ${options.subjects?.join(', ')}`
      return keep(id, { kind: 'wrong', reason }, clock.now() + negativeTtlMs)
    }
    keep(id, entry, Number.POSITIVE_INFINITY)
  }

  function judge(id: number, text: string, schemaType: string): CatalogueEntry {
    try {
      if (schemaType !== 'AVRO')
        return { kind: 'wrong', reason: `schema ${id} is of type ${schemaType}, not AVRO` }
      const schema: AvroRecordSchema = JSON.parse(text)
      const node = parseRecordSchema(schema)
      if (node.name !== EVENT_NAME) return { kind: 'wrong', reason: `schema ${id} is no ${EVENT_NAME}` }
      const relation = relationOf(node, newestNode)
      if (relation === 'incompatible')
        return { kind: 'wrong', reason: `schema ${id} does not go with ${EVENT_NAME}` }
      // Sinks compile this step too; a schema for which it cannot be compiled must not get that far.
      if (relation === 'older') compileResolver(schema, newest.schema)
      return { kind: 'event', known: { id, text, schema, relation, skipper: compileSkipper(schema) } }
    } catch (error) {
      if (error instanceof DaybookError || error instanceof SyntaxError) {
        return { kind: 'wrong', reason: `schema ${id} cannot be used` }
      }
      throw error
    }
  }

  async function isOurs(id: number): Promise<boolean> {
    if (options.subjects === undefined) return true
    const subjects = await registry.subjectsOf(id)
    return subjects.some(({ subject }) => options.subjects?.includes(subject))
  }

  function keep(id: number, entry: CatalogueEntry, expiresAt: number): void {
    slots.delete(id)
    slots.set(id, { entry, expiresAt })
  }

  /** Made-up ids cost memory for as long as they are believed unknown, not longer. */
  function sweep(): void {
    const now = clock.now()
    for (const [id, slot] of slots) {
      if (slot.expiresAt === Number.POSITIVE_INFINITY) continue
      if (slot.expiresAt > now) return
      slots.delete(id)
    }
  }

  function schemaOf(id: number): KnownSchema {
    const entry = slots.get(id)?.entry
    if (entry?.kind === 'event') return entry.known
    throw new DaybookError(
      'DAYBOOK_SCHEMA_NOT_LOADED',
      `Schema ${id} was not loaded before its records were used.`,
      {
        details: { schemaId: id },
      },
    )
  }

  return {
    newest,
    schemaOf,
    isLoaded: (id) => {
      const slot = slots.get(id)
      return slot !== undefined && slot.expiresAt > clock.now()
    },
    entry: (id) => slots.get(id)?.entry,
    async load(ids) {
      sweep()
      const now = clock.now()
      const missing = [...new Set(ids)].filter((id) => !((slots.get(id)?.expiresAt ?? 0) > now))
      await Promise.all(missing.map(loadOne))
    },
    assertNotNewer(id) {
      if (schemaOf(id).relation !== 'newer') return
      throw new DaybookError(
        'DAYBOOK_SCHEMA_NEWER_THAN_WORKER',
        `Records are written with schema ${id}, which has fields or symbols that this version does not know. Install a version that does, then migrate and restart; nothing was skipped.`,
        { details: { schemaId: id } },
      )
    },
  }
}

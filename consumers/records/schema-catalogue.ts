import type { Clock } from '../../runtime/clock.ts'
import type { RegistryReader } from '../../runtime/registry.ts'
import { DaybookError } from '../../schemas/errors.ts'
import { type CatalogueEntry, judgeSchema, type KnownSchema, type NewestSchema } from './known-schema.ts'

/** What the checker and the sinks know about schema ids. */
export interface SchemaCatalogue {
  /** The newest schema that this build knows. */
  readonly newest: NewestSchema
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
  readonly newest: NewestSchema
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
  const slots = new Map<number, Slot>()

  async function loadOne(id: number): Promise<void> {
    const found = await registry.schemaById(id)
    if (found.state === 'unknown') return keep(id, { kind: 'unknown' }, clock.now() + negativeTtlMs)
    const entry = judgeSchema(id, found, newest)
    if (entry.kind === 'event' && !(await isOurs(id))) {
      const reason = `schema ${id} stands under none of the subjects ${options.subjects?.join(', ')}`
      return keep(id, { kind: 'wrong', reason }, clock.now() + negativeTtlMs)
    }
    keep(id, entry, Number.POSITIVE_INFINITY)
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

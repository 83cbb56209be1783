import type { Clock } from '../../runtime/clock.ts'
import { LoopTurn } from '../../runtime/loop-turn.ts'
import type { RegistryReader } from '../../runtime/registry.ts'
import { DaybookError } from '../../schemas/errors.ts'
import {
  goTogether,
  judgeSchema,
  type KnownSchema,
  type NewestSchema,
  type SchemaEntry,
} from './known-schema.ts'
import { Budget } from './look-up-budget.ts'
import { RegisteredIds } from './registered-ids.ts'

/** What the checker and the sinks know about schema ids. */
export interface SchemaCatalogue {
  /** The newest schema that this build knows. */
  readonly newest: NewestSchema
  /**
   * Loads what is registered under our subjects of these ids; of the others it is certain, when this returns, that
   * they were not when it was called. Costs a few requests, however many ids
   * are given; give those first that most records name.
   * @throws what RegistryReader throws, and DAYBOOK_SCHEMA_NOT_REGISTERED (retryable) where nothing is registered at
   *   all; only where an id could not be found out about.
   * @returns whether the registry was asked to the end: false where all of them stood in what it had listed before
   */
  load(ids: Iterable<number>): Promise<boolean>
  /** The same of ids that were seen to be registered, without looking for others. @throws what RegistryReader throws */
  loadSeen(ids: Iterable<number>): Promise<void>
  /** Without I/O: what is known of an id; undefined for one that is not loaded, so also for all that are unknown. */
  entry(id: number): SchemaEntry | undefined
  /** The schema of an accepted event. @throws DaybookError DAYBOOK_SCHEMA_NOT_LOADED when `load` was not called for it. */
  schemaOf(id: number): KnownSchema
  /** Whether schemas are loaded that say more than `newest`. */
  readonly hasNewer: boolean
  /** Forgets those of these ids that were deleted for good since they were loaded. @throws what RegistryReader throws */
  forgetDeleted(ids: Iterable<number>): Promise<void>
  /** For stores whose table cannot take more. @throws DaybookError DAYBOOK_SCHEMA_NEWER_THAN_WORKER, not retryable. */
  assertNotNewer(id: number): void
}

export interface CatalogueOptions {
  readonly registry: RegistryReader
  readonly clock: Clock
  readonly newest: NewestSchema
  /** An id must stand under one of these subjects: else anyone could register a look-alike elsewhere. */
  readonly subjects: readonly string[]
  /** Pause before "not registered" is asked a second time: a replica may lag behind the one that registered it. */
  readonly confirmDelayMs?: number
}

const DEFAULT_CONFIRM_DELAY_MS = 250
/** Schemas that events are taken in: each is compiled here and in the sink, and kept for as long as the worker runs. */
const MAX_SCHEMAS = 100
/** Of their texts and of the code that checks their records: a hundred versions of twice the event schema's size. */
const MAX_CHARACTERS = 8_000_000

/** Ids that are asked for one by one, and in which time: only while a subject is deleted softly as a whole. */
const MAX_LOOK_UPS = 50
const LOOK_UPS_MS = 10_000

export function createCatalogue(options: CatalogueOptions): SchemaCatalogue {
  return new Catalogue(options)
}

interface FoundSchema {
  readonly text: string
  readonly schemaType: string
}

/** There are entries only for what is registered under our subjects: that never changes, and is hardly ever deleted. */
class Catalogue implements SchemaCatalogue {
  readonly newest: NewestSchema
  readonly #options: CatalogueOptions
  readonly #entries = new Map<number, SchemaEntry>()
  #inUse: readonly KnownSchema[] = []
  #characters = 0
  readonly #registered: RegisteredIds
  readonly #lookUps: Budget
  readonly #turn = new LoopTurn()
  #keeping: Promise<void> = Promise.resolve()

  constructor(options: CatalogueOptions) {
    const { clock } = options
    this.#options = options
    this.newest = options.newest
    this.#registered = new RegisteredIds(options)
    this.#lookUps = new Budget({ clock, most: MAX_LOOK_UPS, perMs: LOOK_UPS_MS })
  }

  get hasNewer(): boolean {
    return this.#inUse.some(({ relation }) => relation === 'newer')
  }

  entry(id: number): SchemaEntry | undefined {
    return this.#entries.get(id)
  }

  schemaOf(id: number): KnownSchema {
    const entry = this.#entries.get(id)
    if (entry?.kind === 'event') return entry.known
    throw new DaybookError(
      'DAYBOOK_SCHEMA_NOT_LOADED',
      `Schema ${id} was not loaded before its records were used.`,
      { details: { schemaId: id } },
    )
  }

  assertNotNewer(id: number): void {
    if (this.schemaOf(id).relation === 'newer') throw newerThanWorker(id)
  }

  async load(ids: Iterable<number>): Promise<boolean> {
    const wanted = this.#missing(ids)
    if (wanted.length === 0) return false
    const wasAsked = await this.#findOut(wanted)
    await this.loadSeen(wanted)
    return wasAsked
  }

  async loadSeen(ids: Iterable<number>): Promise<void> {
    const wanted = this.#missing(ids)
    // One after the other; older ids first, which more records have.
    const listed = wanted.filter((id) => this.#registered.place(id) !== undefined)
    for (const id of listed.toSorted((a, b) => a - b)) await this.#loadListed(id)
    const left = wanted.filter((id) => !this.#entries.has(id))
    // A subject that was deleted as a whole is listed, but its ids are not: events that name them are good still.
    if (left.length === 0 || !this.#registered.hasHidden) return
    await Promise.all(left.slice(0, this.#lookUps.take(left.length)).map((id) => this.#lookUp(id)))
  }

  async forgetDeleted(ids: Iterable<number>): Promise<void> {
    for (const id of new Set(ids)) {
      const entry = this.#entries.get(id)
      if (entry?.kind !== 'event' || (await this.#options.registry.byId(id)) !== null) continue
      this.#entries.delete(id)
      this.#inUse = this.#inUse.filter((one) => one !== entry.known)
      this.#characters -= charactersOf(entry.known)
    }
  }

  #missing(ids: Iterable<number>): number[] {
    return [...new Set(ids)].filter((id) => !this.#entries.has(id))
  }

  /** Asks the registry what there is, twice, unless all of `ids` are found before: false. */
  async #findOut(ids: readonly number[]): Promise<boolean> {
    const { clock, confirmDelayMs = DEFAULT_CONFIRM_DELAY_MS, subjects } = this.#options
    const areFound = () => ids.every((id) => this.#registered.place(id) !== undefined)
    if (areFound()) return false
    for (const pauseMs of [0, confirmDelayMs]) {
      if (pauseMs > 0) await clock.sleep(pauseMs)
      const failure = await this.#registered.refresh().then(
        () => null,
        (error: unknown) => ({ error }),
      )
      if (areFound()) return false
      if (failure !== null) throw failure.error
    }
    if (this.#registered.isEmpty) throw nothingRegistered(subjects)
    return true
  }

  async #loadListed(id: number): Promise<void> {
    const place = this.#registered.place(id)
    if (place === undefined) return
    const found = await this.#options.registry.version(place.subject, place.version)
    if (found?.id === id) await this.#keep(id, found)
  }

  async #lookUp(id: number): Promise<void> {
    const { registry, subjects } = this.#options
    const found = await registry.byId(id)
    if (found?.subjects.some((subject) => subjects.includes(subject)) !== true) return
    const { text, schemaType } = found
    if (text === null) this.#entries.set(id, { kind: 'wrong', reason: `schema ${id} is too large` })
    else await this.#keep(id, { text, schemaType })
  }

  /** One after the other, whoever asks: each is compared with those that are in use. */
  #keep(id: number, found: FoundSchema): Promise<void> {
    const kept = this.#keeping.catch(() => undefined).then(() => this.#judge(id, found))
    this.#keeping = kept
    return kept
  }

  async #judge(id: number, found: FoundSchema): Promise<void> {
    if (this.#entries.has(id)) return
    const entry = judgeSchema(id, found, this.newest)
    await this.#turn.giveWay()
    this.#entries.set(id, await this.#admitted(entry))
  }

  /** Bounded, and only what goes with what is in use already: a file of the archive takes rows of all versions. */
  async #admitted(entry: SchemaEntry): Promise<SchemaEntry> {
    if (entry.kind !== 'event') return entry
    const { known } = entry
    const wrong = (reason: string): SchemaEntry => ({ kind: 'wrong', reason: `schema ${known.id} ${reason}` })
    if (this.#inUse.length >= MAX_SCHEMAS)
      return wrong(`would be one more than the ${MAX_SCHEMAS} that a worker takes`)
    if (this.#characters + charactersOf(known) > MAX_CHARACTERS)
      return wrong('is larger than what is left for all schemas of a worker')
    for (const one of this.#inUse) {
      if (!goTogether(one.node, known.node)) return wrong(`does not go with schema ${one.id}`)
      await this.#turn.giveWay()
    }
    this.#inUse = [...this.#inUse, known]
    this.#characters += charactersOf(known)
    return entry
  }
}

/** Of its text and of the code that checks its records. */
function charactersOf({ text, skipper }: KnownSchema): number {
  return text.length + skipper.codeCharacters
}

/** For a store whose table has no place for all that a schema says. */
function newerThanWorker(schemaId: number): DaybookError {
  return new DaybookError(
    'DAYBOOK_SCHEMA_NEWER_THAN_WORKER',
    `Records are written with schema ${schemaId}, which has fields or symbols that this version does not know. Install a version that does and migrate: the partition then goes on by itself; nothing was skipped.`,
    { details: { schemaId } },
  )
}

function nothingRegistered(subjects: readonly string[]): DaybookError {
  return new DaybookError(
    'DAYBOOK_SCHEMA_NOT_REGISTERED',
    `The schema registry has nothing under the subjects ${subjects.join(', ')}. Register the event schema with \`daybook schema register\`, or restore the registry; nothing is skipped meanwhile.`,
    { retryable: true },
  )
}

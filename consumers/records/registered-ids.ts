import type { Clock } from '../../runtime/clock.ts'
import type { RegistryReader } from '../../runtime/registry.ts'

/** Where an id is registered. */
export interface RegisteredPlace {
  readonly subject: string
  readonly version: number
}

export interface RegisteredIdsOptions {
  readonly registry: RegistryReader
  readonly clock: Clock
  readonly subjects: readonly string[]
}

/** Time between the beginnings of two refreshes: what waits shares the next one. */
const MIN_INTERVAL_MS = 100
/** A subject that was destroyed and made anew counts its versions from 1 again: read them all once in a while. */
const REREAD_MS = 10 * 60_000

/** Version numbers of one subject, with the id of each; null: not shown. */
interface Listed {
  readonly readAt: number
  readonly ids: Map<number, number | null>
}

/**
 * The ids that stand under our subjects. A refresh costs one request a subject and one for each version that is new:
 * so whatever ids producers make up, they cost a look into this table, and memory grows with versions only.
 */
export class RegisteredIds {
  readonly #options: RegisteredIdsOptions
  readonly #listed = new Map<string, Listed>()
  #places: ReadonlyMap<number, RegisteredPlace> = new Map()
  #running: Promise<void> | null = null
  #next: Promise<void> | null = null
  #beganAt = Number.NEGATIVE_INFINITY

  constructor(options: RegisteredIdsOptions) {
    this.#options = options
  }

  place(id: number): RegisteredPlace | undefined {
    return this.#places.get(id)
  }

  /** Whether the registry has anything under our subjects, as far as was seen. */
  get isEmpty(): boolean {
    return [...this.#listed.values()].every(({ ids }) => ids.size === 0)
  }

  /** Whether versions are listed of which the registry does not say the id. */
  get hasHidden(): boolean {
    return [...this.#listed.values()].some(({ ids }) => [...ids.values()].includes(null))
  }

  /**
   * Reads the subjects; the reading begins after this call, and callers that wait share it. What could be read counts
   * also where it rejects. @throws what RegistryReader throws
   */
  refresh(): Promise<void> {
    this.#next ??= this.#after(this.#running)
    return this.#next
  }

  async #after(running: Promise<void> | null): Promise<void> {
    await running?.catch(() => undefined)
    const { clock } = this.#options
    const wait = this.#beganAt + MIN_INTERVAL_MS - clock.now()
    if (wait > 0) await clock.sleep(Math.min(wait, MIN_INTERVAL_MS))
    this.#beganAt = clock.now()
    this.#running = this.#next
    this.#next = null
    await this.#readAll()
  }

  async #readAll(): Promise<void> {
    const { subjects } = this.#options
    const results = await Promise.allSettled(subjects.map((subject) => this.#read(subject)))
    const places = new Map<number, RegisteredPlace>()
    for (const [subject, { ids }] of this.#listed)
      for (const [version, id] of ids) if (id !== null) places.set(id, { subject, version })
    this.#places = places
    for (const result of results) if (result.status === 'rejected') throw result.reason
  }

  async #read(subject: string): Promise<void> {
    const { registry } = this.#options
    const versions = await registry.versions(subject)
    const last = versions.reduce((a, b) => Math.max(a, b), 0)
    const listed = await this.#stillValid(subject, last)
    this.#listed.set(subject, listed)
    const wanted = versions.filter((version) => !listed.ids.has(version))
    const results = await Promise.allSettled(
      wanted.map(async (version) => {
        const found = await registry.version(subject, version)
        listed.ids.set(version, found?.id ?? null)
      }),
    )
    for (const result of results) if (result.status === 'rejected') throw result.reason
  }

  /** What is listed for the subject, where its last version is still the one that was listed. */
  async #stillValid(subject: string, last: number): Promise<Listed> {
    const { clock, registry } = this.#options
    const fresh = { readAt: clock.now(), ids: new Map<number, number | null>() }
    const known = this.#listed.get(subject)
    if (known === undefined || clock.now() - known.readAt > REREAD_MS) return fresh
    if (!known.ids.has(last)) return known
    const found = await registry.version(subject, last)
    return (found?.id ?? null) === known.ids.get(last) ? known : fresh
  }
}

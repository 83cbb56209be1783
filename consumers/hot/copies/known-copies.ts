import type { Clock } from '../../../runtime/clock.ts'
import type { Place } from './copy-lookup.ts'

/** For so long an answer of the store counts. */
const CURRENT_MS = 60_000
/** Ids; some 300 bytes each. Where there are more, all are looked up anew. */
const MOST_IDS = 10_000

interface Known {
  readonly askedAt: number
  /** By `contentKey`. */
  readonly places: Map<string, Place>
}

/**
 * Contents that were just seen to be sent again and again, with the stored copy that their further copies are listed
 * for: to look that up among all rows of an id costs more with each copy. Right also where that copy has been listed
 * itself meanwhile: then for one that stands before it.
 */
export class KnownCopies {
  readonly #clock: Pick<Clock, 'now'>
  readonly #known = new Map<string, Known>()

  constructor(clock: Pick<Clock, 'now'>) {
    this.#clock = clock
  }

  get isEmpty(): boolean {
    return this.#known.size === 0
  }

  /** @param id as `EventIds.key` gives it */
  has(id: string): boolean {
    return this.#of(id) !== undefined
  }

  /** @param content as `contentKey` gives it */
  place(id: string, content: string): Place | undefined {
    return this.#of(id)?.places.get(content)
  }

  add(id: string, content: string, place: Place): void {
    const known = this.#of(id)
    if (known !== undefined) {
      known.places.set(content, place)
      return
    }
    if (this.#known.size >= MOST_IDS) this.#known.clear()
    this.#known.set(id, { askedAt: this.#clock.now(), places: new Map([[content, place]]) })
  }

  #of(id: string): Known | undefined {
    const known = this.#known.get(id)
    if (known === undefined || this.#clock.now() - known.askedAt < CURRENT_MS) return known
    this.#known.delete(id)
    return undefined
  }
}

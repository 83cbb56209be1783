import { createHash } from 'node:crypto'
import { DaybookError } from '../schemas/errors.ts'

/**
 * Which events were shown, in 16 bytes a slot: half of a hash of the event id, half of one of the content. An event
 * is taken for a repeat only when both agree (128 bits); when only ids agree it is shown, as a conflict.
 */
export class SeenEvents {
  readonly #maxEvents: number
  /** Id and content by turns; an id of 0 is an empty slot. */
  #slots = new BigUint64Array(2 * 1024)
  #count = 0

  constructor(maxEvents: number) {
    this.#maxEvents = maxEvents
  }

  /** @throws DaybookError DAYBOOK_EVIDENCE_TOO_MANY_EVENTS */
  add(eventId: string, content: Uint8Array): 'new' | 'repeat' | 'conflict' {
    const id = half(Buffer.from(eventId)) | 1n
    const hash = half(content)
    let conflict = false
    let slot = this.#start(id)
    for (; this.#slots[slot] !== 0n; slot = (slot + 2) % this.#slots.length) {
      if (this.#slots[slot] !== id) continue
      if (this.#slots[slot + 1] === hash) return 'repeat'
      conflict = true
    }
    this.#slots[slot] = id
    this.#slots[slot + 1] = hash
    this.#count++
    if (this.#count * 4 > this.#slots.length) this.#grow()
    return conflict ? 'conflict' : 'new'
  }

  #start(id: bigint): number {
    return Number((id >> 1n) % BigInt(this.#slots.length / 2)) * 2
  }

  #grow(): void {
    if (this.#count > this.#maxEvents) {
      throw new DaybookError(
        'DAYBOOK_EVIDENCE_TOO_MANY_EVENTS',
        `More than ${this.#maxEvents} events match, too many to tell repeats apart in memory. Narrow the query by time, tenant or partition.`,
        { details: { maxEvents: this.#maxEvents } },
      )
    }
    const old = this.#slots
    this.#slots = new BigUint64Array(old.length * 2)
    for (let from = 0; from < old.length; from += 2) {
      const [id, hash] = [old[from] ?? 0n, old[from + 1] ?? 0n]
      if (id === 0n) continue
      let slot = this.#start(id)
      while (this.#slots[slot] !== 0n) slot = (slot + 2) % this.#slots.length
      this.#slots[slot] = id
      this.#slots[slot + 1] = hash
    }
  }
}

function half(bytes: Uint8Array): bigint {
  return createHash('sha256').update(bytes).digest().readBigUInt64LE(0)
}

import type { Entry, Item, Marker } from './entry.ts'
import { Fifo } from './fifo.ts'

/**
 * What waits to be sent, in the order of emit. Events beyond `windowBytes` of memory are kept as spans of the files
 * they stand in and are read back when their turn comes, so a broker that is down for long costs disk, not memory.
 */
export class Backlog {
  readonly #items = new Fifo<Item>()
  readonly windowBytes: number
  #spans = 0
  /** Events in memory, waiting or being sent. */
  memoryBytes = 0
  /** Of these, what stands in no file. */
  bufferedBytes = 0

  constructor(options: { windowBytes: number }) {
    this.windowBytes = options.windowBytes
  }

  get isEmpty(): boolean {
    return this.#items.length === 0
  }

  get first(): Item | undefined {
    return this.#items.first
  }

  push(entry: Entry): void {
    const last = this.#items.last
    const { segment } = entry
    if (
      segment !== null &&
      last?.kind === 'span' &&
      last.segment === segment &&
      last.to === entry.end - entry.bytes
    ) {
      last.to = entry.end
    } else if (segment !== null && (this.#spans > 0 || this.memoryBytes + entry.bytes > this.windowBytes)) {
      const from = entry.end - entry.bytes
      this.append([{ kind: 'span', segment, from, to: entry.end, own: entry.own }])
    } else {
      this.#items.push(entry)
      this.hold(entry)
    }
  }

  mark(marker: Marker): void {
    this.#items.push(marker)
  }

  append(items: readonly Item[]): void {
    for (const item of items) this.#items.push(item)
    this.#spans += spansIn(items)
  }

  prepend(items: readonly Item[]): void {
    this.#items.prepend(items)
    this.#spans += spansIn(items)
  }

  shift(): Item | undefined {
    const item = this.#items.shift()
    if (item?.kind === 'span') this.#spans--
    return item
  }

  /** Counts an event that came into memory. */
  hold(entry: Entry): void {
    this.memoryBytes += entry.bytes
    if (entry.segment === null) this.bufferedBytes += entry.bytes
  }

  /** Counts an event that left memory for good. */
  release(entry: Entry): void {
    this.memoryBytes -= entry.bytes
    if (entry.segment === null) this.bufferedBytes -= entry.bytes
  }
}

function spansIn(items: readonly Item[]): number {
  return items.filter(({ kind }) => kind === 'span').length
}

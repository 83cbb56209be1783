import { OutputTooLarge } from './output-too-large.ts'

/** Copied one by one: a call costs as much as some dozen bytes. */
const FEW_BYTES = 64

/** Bytes that grow as they are written, up to a bound; a match may copy from what was written before. */
export class GrowingOutput {
  readonly #maxBytes: number
  #buffer: Buffer
  length = 0

  constructor(maxBytes: number, initialBytes: number) {
    this.#maxBytes = maxBytes
    this.#buffer = Buffer.allocUnsafe(Math.min(maxBytes, initialBytes))
  }

  /** How much may still be written. */
  get room(): number {
    return this.#maxBytes - this.length
  }

  append(input: Buffer, from: number, to: number): void {
    this.#reserve(to - from)
    input.copy(this.#buffer, this.length, from, to)
    this.length += to - from
  }

  /** Copies from `distance` back; where source and target overlap the pattern repeats. The caller checks `distance`. */
  repeat(distance: number, bytes: number): void {
    this.#reserve(bytes)
    const buffer = this.#buffer
    const end = this.length + bytes
    if (bytes <= FEW_BYTES) for (let at = this.length; at < end; at++) buffer[at] = buffer[at - distance] ?? 0
    else {
      // What stands from `from` on repeats itself, so twice as much can be copied each time.
      const from = this.length - distance
      for (let at = this.length; at < end; at += at - from)
        buffer.copyWithin(at, from, Math.min(at, from + end - at))
    }
    this.length = end
  }

  /** Of memory that is mostly unused a copy: the rest would stay with what is read out of it. */
  take(): Buffer {
    const written = this.#buffer.subarray(0, this.length)
    return this.length < this.#buffer.length / 2 ? Buffer.from(written) : written
  }

  #reserve(bytes: number): void {
    const needed = this.length + bytes
    if (needed > this.#maxBytes) throw new OutputTooLarge(`more than ${this.#maxBytes} bytes`)
    if (needed <= this.#buffer.length) return
    const grown = Buffer.allocUnsafe(Math.min(this.#maxBytes, Math.max(needed, this.#buffer.length * 2)))
    this.#buffer.copy(grown, 0, 0, this.length)
    this.#buffer = grown
  }
}

const CHUNK_BYTES = 256 * 1024

/** Hands out room in large buffers: one allocation for hundreds of events. */
export class Arena {
  #chunk = Buffer.allocUnsafeSlow(CHUNK_BYTES)
  #used = 0
  /** Where the room last taken begins in the returned buffer. */
  at = 0

  take(bytes: number): Buffer {
    if (bytes > CHUNK_BYTES / 4) {
      this.at = 0
      return Buffer.allocUnsafeSlow(bytes)
    }
    if (this.#used + bytes > CHUNK_BYTES) {
      this.#chunk = Buffer.allocUnsafeSlow(CHUNK_BYTES)
      this.#used = 0
    }
    this.at = this.#used
    this.#used += bytes
    return this.#chunk
  }
}

/** Kafka protocol guide, "Common Request and Response Structure": an INT32 with the size stands before each answer. */
const SIZE_BYTES = 4
/** No request of ours has a larger answer; a larger size field means that the peer is no Kafka broker. */
const MAX_ANSWER_BYTES = 256 * 1024 * 1024

/** Reassembles a broker's answers from the chunks that a connection delivers. */
export class AnswerReader {
  readonly #onAnswer: (answer: Buffer) => void
  /** The answer under way, its size in front; only the size until that is known. */
  #answer = Buffer.allocUnsafeSlow(SIZE_BYTES)
  #filled = 0
  #sizeKnown = false

  /** `onAnswer` gets each whole answer, its size in front, in memory of its own. */
  constructor(onAnswer: (answer: Buffer) => void) {
    this.#onAnswer = onAnswer
  }

  /** Copies the bytes. False: a size field is impossible in Kafka's protocol, and nothing more can be read. */
  take(chunk: Uint8Array): boolean {
    let at = 0
    while (at < chunk.length) {
      const end = Math.min(chunk.length, at + this.#answer.length - this.#filled)
      this.#answer.set(chunk.subarray(at, end), this.#filled)
      this.#filled += end - at
      at = end
      if (this.#filled < this.#answer.length) return true
      if (!this.#sizeKnown && !this.#begin()) return false
      if (this.#filled === this.#answer.length) this.#finish()
    }
    return true
  }

  #begin(): boolean {
    const size = this.#answer.readInt32BE(0)
    if (size < 0 || size > MAX_ANSWER_BYTES) return false
    const answer = Buffer.allocUnsafeSlow(SIZE_BYTES + size)
    answer.set(this.#answer)
    this.#answer = answer
    this.#sizeKnown = true
    return true
  }

  #finish(): void {
    const answer = this.#answer
    this.#answer = Buffer.allocUnsafeSlow(SIZE_BYTES)
    this.#filled = 0
    this.#sizeKnown = false
    this.#onAnswer(answer)
  }
}

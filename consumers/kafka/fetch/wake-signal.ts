/** Wakes those who wait. A call while nobody waits is kept for the next one. */
export class WakeSignal {
  #pending = false
  #wake: (() => void) | null = null

  wake(): void {
    this.#pending = true
    this.#wake?.()
  }

  /** Resolves at the next `wake`, or at once when it was called since the last wait. One waiter at a time. */
  async wait(): Promise<void> {
    if (!this.#pending) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
      this.#wake = null
    }
    this.#pending = false
  }
}

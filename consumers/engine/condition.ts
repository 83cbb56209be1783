/** Lets several waiters wait for a state that is changed elsewhere. */
export class Condition {
  readonly #waiting = new Set<() => void>()

  /** Call after every change that could make a waiter's predicate true. */
  changed(): void {
    for (const look of [...this.#waiting]) look()
  }

  /** Resolves true when `holds()` does, false when `signal` aborts first, or has aborted before. */
  until(holds: () => boolean, signal: AbortSignal): Promise<boolean> {
    if (signal.aborted) return Promise.resolve(false)
    if (holds()) return Promise.resolve(true)
    return new Promise((resolve) => {
      const end = (result: boolean) => {
        this.#waiting.delete(look)
        signal.removeEventListener('abort', over)
        resolve(result)
      }
      const look = () => {
        if (holds()) end(true)
      }
      const over = () => end(false)
      this.#waiting.add(look)
      signal.addEventListener('abort', over, { once: true })
    })
  }
}

import { isRetryable } from '../../../schemas/errors.ts'

/** Calls that one statement answers; more would make it longer than servers take. */
const MOST_CALLS = 100

interface Call<Given, Answer> {
  readonly given: Given
  readonly resolve: (answer: Answer) => void
  readonly reject: (error: unknown) => void
}

/**
 * Answers all calls of one kind that were made in one turn of the event loop by one statement. A worker that takes
 * over many partitions asks the same of each at the same time.
 *
 * A failure that may be tried again (the store is down) is the failure of all calls of the statement. Any other may
 * be the fault of one of them: then each is asked alone and gets its own answer or failure. So asking must be
 * harmless when it is repeated.
 */
export class QueryBatcher<Given, Answer> {
  readonly #answer: (given: readonly Given[]) => Promise<readonly Answer[]>
  #waiting = new Map<string, Call<Given, Answer>[]>()

  /** `answer` gives as many answers as it is given calls, in their order. */
  constructor(answer: (given: readonly Given[]) => Promise<readonly Answer[]>) {
    this.#answer = answer
  }

  /** Rejects when `signal` aborts; the statement goes on, for others may wait for it. */
  async call(kind: string, given: Given, signal?: AbortSignal): Promise<Answer> {
    if (signal?.aborted === true) throw signal.reason
    const { promise, resolve, reject } = Promise.withResolvers<Answer>()
    const onAbort = () => reject(signal?.reason)
    signal?.addEventListener('abort', onAbort, { once: true })
    this.#enqueue(kind, { given, resolve, reject })
    try {
      return await promise
    } finally {
      signal?.removeEventListener('abort', onAbort)
    }
  }

  #enqueue(kind: string, call: Call<Given, Answer>): void {
    if (this.#waiting.size === 0) setImmediate(() => this.#send())
    const calls = this.#waiting.get(kind)
    if (calls === undefined) this.#waiting.set(kind, [call])
    else calls.push(call)
  }

  #send(): void {
    const waiting = this.#waiting
    this.#waiting = new Map()
    for (const calls of waiting.values())
      for (let at = 0; at < calls.length; at += MOST_CALLS) void this.#ask(calls.slice(at, at + MOST_CALLS))
  }

  async #ask(calls: readonly Call<Given, Answer>[]): Promise<void> {
    try {
      const answers = await this.#answer(calls.map(({ given }) => given))
      for (const [i, call] of calls.entries()) call.resolve(answers[i] as Answer)
    } catch (error) {
      if (calls.length === 1 || isRetryable(error)) for (const call of calls) call.reject(error)
      else for (const call of calls) await this.#ask([call])
    }
  }
}

import type { ErrorCode } from '../../../schemas/errors.ts'

/** Something that went wrong and did not stop the application. Never holds event payloads. */
export interface Problem {
  /** Has a page in docs/errors. */
  readonly code: ErrorCode
  /** What happened and what to do. */
  readonly message: string
  /** The field of the event, where the problem is one of the event. */
  readonly field?: string
  readonly eventId?: string
  /** How often this happened since it was reported last, this time included. */
  readonly count: number
  readonly cause?: unknown
}

export type OnProblem = (problem: Problem) => void

export interface ProblemReport {
  readonly code: ErrorCode
  readonly message: string
  readonly field?: string
  readonly eventId?: string
  readonly cause?: unknown
}

const REPEAT_MS = 10_000

/** Hands problems to the application. What the application's handler throws is dropped: emit must not fail by it. */
export class ProblemReporter {
  readonly #onProblem: OnProblem | undefined
  readonly #now: () => number
  readonly #repeats = new Map<ErrorCode, { reportedAt: number; silent: number }>()

  constructor(options: { onProblem: OnProblem | undefined; now: () => number }) {
    this.#onProblem = options.onProblem
    this.#now = options.now
  }

  /** Reports every time. For what concerns one event. */
  report(problem: ProblemReport, count = 1): void {
    try {
      this.#onProblem?.({ ...problem, count })
    } catch {
      // The handler is the application's; its faults must not make emit fail.
    }
  }

  /** Reports a condition that lasts: at once, then at most every ten seconds with the number of times. */
  condition(problem: ProblemReport): void {
    const seen = this.#repeats.get(problem.code)
    if (seen !== undefined && this.#now() - seen.reportedAt < REPEAT_MS) {
      seen.silent++
      return
    }
    this.#repeats.set(problem.code, { reportedAt: this.#now(), silent: 0 })
    this.report(problem, (seen?.silent ?? 0) + 1)
  }

  /** The condition is over: its next occurrence is reported at once. */
  resolved(code: ErrorCode): void {
    this.#repeats.delete(code)
  }
}

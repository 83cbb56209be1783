import { DaybookError, isRetryable } from '../schemas/errors.ts'
import { backoffMs } from './backoff.ts'
import type { Clock } from './clock.ts'
import type { HealthCheck } from './health.ts'
import { orAborted } from './or-aborted.ts'

/** A server that has to answer before a process can serve. */
export interface Dependency {
  /** As people call it: `Kafka`. */
  readonly name: string
  /** Where it is asked. Holds no credentials. */
  readonly address: string
  /** The key of the environment that says so. */
  readonly setting: `DAYBOOK_${Uppercase<string>}`
}

export interface StartStepsOptions {
  readonly clock: Clock
  readonly log: { warn(fields: object, message: string): void; info(fields: object, message: string): void }
  /** `once`: the first failure is the answer, for whoever only checks. */
  readonly attempts: 'once' | 'until it answers'
  /** Ends all steps. */
  readonly signal: AbortSignal
  /** Called for each failure that is tried again, with its code. */
  readonly onRetry?: (code: string) => void
}

const PAUSES = { baseDelayMs: 500, maxDelayMs: 10_000 }
/** A server that is merely far away, or starts beside this process, has answered by then. */
const SILENCE_MS = 3_000
/** A wait that lasts is told again so often. */
const REPEAT_MS = 30_000

interface Step {
  readonly dependency: Dependency
  readonly since: number
  toldAt: number | null
  /** The code of the last failure; null: there is no answer yet. */
  code: string | null
}

/** What a process waits for before it can serve: asked until it answers, and told in the log and in readiness meanwhile. */
export class StartSteps {
  readonly #options: StartStepsOptions
  readonly #waiting = new Set<Step>()

  constructor(options: StartStepsOptions) {
    this.#options = options
  }

  /** Not ready while a step has no answer. */
  get check(): HealthCheck {
    return {
      name: 'start',
      state: () => {
        if (this.#waiting.size === 0) return { ok: true }
        return { ok: false, reason: [...this.#waiting].map((step) => this.#told(step)).join('; ') }
      },
    }
  }

  /**
   * What `ask` gives. Its retryable failures are tried again for as long as the process lives.
   * @throws what `ask` throws and is not retryable; the signal's reason
   */
  async until<T>(dependency: Dependency, ask: () => Promise<T>): Promise<T> {
    const { clock, signal, attempts, log } = this.#options
    const step: Step = { dependency, since: clock.now(), toldAt: null, code: null }
    this.#waiting.add(step)
    const cancel = clock.after(SILENCE_MS, () => this.#tell(step, null))
    try {
      for (let failures = 1; ; failures++) {
        signal.throwIfAborted()
        try {
          const answer = await orAborted(ask(), signal)
          if (step.toldAt !== null) log.info({ dependency: dependency.name }, `${dependency.name} answers`)
          return answer
        } catch (error) {
          if (signal.aborted || (attempts === 'until it answers' && !isRetryable(error))) throw error
          step.code = codeOf(error)
          this.#tell(step, error)
          if (attempts === 'once') throw error
          this.#options.onRetry?.(step.code)
        }
        await clock.sleep(backoffMs(failures, PAUSES), signal)
      }
    } finally {
      cancel()
      this.#waiting.delete(step)
    }
  }

  #tell(step: Step, error: unknown): void {
    const now = this.#options.clock.now()
    if (step.toldAt !== null && now - step.toldAt < REPEAT_MS) return
    step.toldAt = now
    const { name, address } = step.dependency
    this.#options.log.warn({ dependency: name, address, err: error ?? undefined }, this.#told(step))
  }

  #told({ dependency, since, code }: Step): string {
    const { name, address, setting } = dependency
    const seconds = Math.round((this.#options.clock.now() - since) / 1_000)
    const why = code === null ? '' : ` (${code})`
    return `waiting for ${name} at ${address} for ${seconds} s${why}: see that it runs and can be reached from here, and that ${setting} names it`
  }
}

function codeOf(error: unknown): string {
  return error instanceof DaybookError ? error.code : 'unknown'
}

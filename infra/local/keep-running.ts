import { backoffMs } from '../../runtime/backoff.ts'
import { type Clock, systemClock } from '../../runtime/clock.ts'
import { DaybookError } from '../../schemas/errors.ts'
import type { Component } from './components/component.ts'
import type { StackLog } from './log.ts'

export interface KeeperOptions {
  readonly log: StackLog
  /** From its abort on nothing is started any more. */
  readonly signal: AbortSignal
  /** After so many ends without a steady time between them a component is given up. Default: never. */
  readonly mostInARow?: number
  readonly onGivenUp: (error: DaybookError) => void
  readonly clock?: Clock
}

/** Growing pauses between the end of a program and its next start. */
const PAUSES = { baseDelayMs: 1_000, maxDelayMs: 30_000 } as const
/** A program that answered for so long begins with the first pause again. */
const STEADY_MS = 60_000

type Kept = Pick<Component, 'name' | 'logFile' | 'start' | 'lastEnd' | 'onUnexpectedExit'>

/** Starts components again that end by themselves, and says so with their status, and the code where their log has one for it. */
export class Keeper {
  readonly #options: KeeperOptions
  readonly #clock: Clock
  readonly #released = new Set<Kept>()
  readonly #stopped = new AbortController()
  readonly #signal: AbortSignal

  constructor(options: KeeperOptions) {
    this.#options = options
    this.#clock = options.clock ?? systemClock
    this.#signal = AbortSignal.any([options.signal, this.#stopped.signal])
  }

  /** From now on; `component` runs already. */
  keep(component: Kept): void {
    const state = { inARow: 0, upSince: this.#clock.now() }
    component.onUnexpectedExit(async () => {
      if (this.#clock.now() - state.upSince >= STEADY_MS) state.inARow = 0
      state.inARow = await this.#startAgain(component, state.inARow)
      state.upSince = this.#clock.now()
    })
  }

  /** Is about to be stopped, and not to be started again. */
  release(...components: readonly Kept[]): void {
    for (const component of components) this.#released.add(component)
  }

  /** Nothing is started again. */
  stop(): void {
    this.#stopped.abort()
  }

  /** Gives how often the component has ended in a row now. */
  async #startAgain(component: Kept, endsBefore: number): Promise<number> {
    const { log, mostInARow = Number.POSITIVE_INFINITY, onGivenUp } = this.#options
    for (let ends = endsBefore + 1; ; ends++) {
      if (this.#isLeft(component)) return ends
      if (ends > mostInARow) {
        onGivenUp(givenUp(component, ends))
        return ends
      }
      const pauseMs = backoffMs(ends, PAUSES, () => 1)
      log.line(`✗ ${how(component)}; it is started again in ${pauseMs / 1_000} s`)
      await this.#clock.sleep(pauseMs, this.#signal)
      if (this.#isLeft(component)) return ends
      try {
        await component.start()
        log.line(`✓ ${component.name} runs again`)
        return ends
      } catch {
        // Its log has the reason; it counts as one more end.
      }
    }
  }

  #isLeft(component: Kept): boolean {
    return this.#signal.aborted || this.#released.has(component)
  }
}

function how(component: Kept): string {
  const { name, logFile } = component
  const end = component.lastEnd()
  if (end === null) return `${name} did not answer (see ${logFile})`
  return `${name} ended with status ${end.status}${end.code === null ? '' : `, ${end.code}`} (see ${logFile})`
}

function givenUp(component: Kept, ends: number): DaybookError {
  return new DaybookError('DAYBOOK_LOCAL_COMPONENT_FAILED', `${how(component)}, ${ends} times in a row`)
}

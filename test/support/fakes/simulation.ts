import { setImmediate as macrotask } from 'node:timers/promises'
import type { Clock } from '../../../runtime/clock.ts'

/** A small seeded generator (mulberry32): the same seed gives the same run. */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = state
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

interface Step {
  readonly at: number
  readonly tie: number
  readonly owner: SimProcess | null
  readonly run: () => void
}

/**
 * A scheduler with a simulated clock. Everything that waits is a step in its queue; steps run one at a time in the
 * order of their time, ties in seeded order, and every promise that a step resolves settles before the next step. So
 * one seed gives one interleaving.
 */
export class Simulation {
  readonly random: () => number
  readonly trace: string[] = []
  readonly #steps: Step[] = []
  #now = 1_700_000_000_000
  #violation: Error | null = null

  constructor(seed: number) {
    this.random = seededRandom(seed)
  }

  get now(): number {
    return this.#now
  }

  log(line: string): void {
    this.trace.push(`${this.#now - 1_700_000_000_000} ${line}`)
  }

  /** The first violated invariant ends the run. */
  violate(what: string): void {
    this.log(`VIOLATION ${what}`)
    this.#violation ??= new Error(what)
  }

  chance(probability: number): boolean {
    return this.random() < probability
  }

  between(low: number, high: number): number {
    return low + Math.floor(this.random() * (high - low + 1))
  }

  pick<T>(items: readonly T[]): T {
    const item = items[Math.floor(this.random() * items.length)]
    if (item === undefined) throw new RangeError('nothing to pick from')
    return item
  }

  /** Mostly a few milliseconds, at times a hundred times as long. */
  latencyMs(): number {
    const scale = this.random()
    if (scale < 0.9) return this.between(0, 8)
    return scale < 0.99 ? this.between(10, 80) : this.between(100, 1_500)
  }

  /** Resolves after `ms`; for a frozen `owner` when it runs again, for a dead one never. Null: no worker's process. */
  delay(ms: number, owner: SimProcess | null = null): Promise<void> {
    return new Promise((resolve) => this.at(ms, owner, resolve))
  }

  /** Runs `fn` after `ms`; the returned function cancels it. */
  at(ms: number, owner: SimProcess | null, fn: () => void): () => void {
    let cancelled = false
    const run = () => {
      if (!cancelled) fn()
    }
    this.#push({ at: this.#now + Math.max(0, ms), tie: this.random(), owner, run })
    return () => {
      cancelled = true
    }
  }

  /** Runs until `done()`; false when `limitMs` pass first. @throws the first violation. */
  async run(done: () => boolean, limitMs: number): Promise<boolean> {
    const end = this.#now + limitMs
    for (;;) {
      await macrotask()
      if (this.#violation !== null) throw this.#violation
      if (done()) return true
      const step = this.#pop()
      if (step === undefined || step.at > end) {
        if (step !== undefined) this.#push(step)
        this.#now = Math.max(this.#now, end)
        return false
      }
      this.#now = Math.max(this.#now, step.at)
      if (step.owner?.dead === true) continue
      const thawsAt = step.owner?.frozenUntil ?? 0
      if (thawsAt > this.#now) this.#push({ ...step, at: thawsAt, tie: this.random() })
      else step.run()
    }
  }

  #push(step: Step): void {
    const steps = this.#steps
    steps.push(step)
    let at = steps.length - 1
    while (at > 0) {
      const parent = (at - 1) >> 1
      if (!this.#swapIfBefore(at, parent)) break
      at = parent
    }
  }

  #pop(): Step | undefined {
    const steps = this.#steps
    const first = steps[0]
    const last = steps.pop()
    if (first === undefined || last === undefined || steps.length === 0) return first
    steps[0] = last
    for (let at = 0; ; ) {
      const left = 2 * at + 1
      const child = this.#isBefore(left + 1, left) ? left + 1 : left
      if (!this.#swapIfBefore(child, at)) return first
      at = child
    }
  }

  #isBefore(a: number, b: number): boolean {
    const one = this.#steps[a]
    const two = this.#steps[b]
    if (one === undefined || two === undefined) return false
    return one.at < two.at || (one.at === two.at && one.tie < two.tie)
  }

  #swapIfBefore(a: number, b: number): boolean {
    const one = this.#steps[a]
    const two = this.#steps[b]
    if (one === undefined || two === undefined || !this.#isBefore(a, b)) return false
    this.#steps[a] = two
    this.#steps[b] = one
    return true
  }
}

/** A worker's process: its steps wait while it is frozen, and are dropped when it is dead. */
export class SimProcess {
  readonly name: string
  readonly sim: Simulation
  readonly clock: Clock
  frozenUntil = 0
  dead = false

  constructor(name: string, sim: Simulation) {
    this.name = name
    this.sim = sim
    this.clock = {
      now: () => sim.now,
      sleep: (ms, signal) => this.#sleep(ms, signal),
      after: (ms, fn) => sim.at(ms, this, fn),
    }
  }

  freeze(ms: number): void {
    this.frozenUntil = Math.max(this.frozenUntil, this.sim.now + ms)
    this.sim.log(`${this.name} frozen for ${ms} ms`)
  }

  kill(): void {
    this.dead = true
    this.sim.log(`${this.name} killed`)
  }

  /** A message on its way to or from this process. */
  hop(): Promise<void> {
    return this.sim.delay(this.sim.latencyMs(), this)
  }

  #sleep(ms: number, signal?: AbortSignal): Promise<void> {
    if (signal?.aborted) return Promise.resolve()
    return new Promise((resolve) => {
      const end = () => {
        cancel()
        signal?.removeEventListener('abort', end)
        resolve()
      }
      const cancel = this.sim.at(ms, this, end)
      signal?.addEventListener('abort', end, { once: true })
    })
  }
}

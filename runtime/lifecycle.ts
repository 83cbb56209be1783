import type { Clock } from './clock.ts'
import { EXIT, type ExitCode, exitCodeOf } from './exit-codes.ts'

export interface LifecycleLog {
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  fatal(fields: object, message: string): void
}

/** Signals as a dependency; `process` fits. */
export interface SignalSource {
  on(signal: 'SIGTERM' | 'SIGINT', listener: () => void): unknown
  off(signal: 'SIGTERM' | 'SIGINT', listener: () => void): unknown
}

export interface LifecycleOptions {
  readonly clock: Clock
  readonly log: LifecycleLog
  readonly signals: SignalSource
  /** How long all steps of a stop may take together. */
  readonly stopTimeoutMs: number
}

export interface Lifecycle {
  /** Steps run in the reverse order of their registration, each after the one before has ended or failed. */
  onStop(name: string, step: () => Promise<void>): void
  /** Ends the process because of `error`; the first call counts. */
  crash(error: unknown): void
  /** Runs the stop steps and gives the exit code, after a signal or `crash`. */
  ended(): Promise<ExitCode>
}

type Ending =
  | { readonly kind: 'stop'; readonly reason: string }
  | { readonly kind: 'crash'; readonly error: unknown }

/** The life of a worker: a first SIGTERM or SIGINT drains, a second one ends at once. The caller exits the process. */
export function createLifecycle(options: LifecycleOptions): Lifecycle {
  const { clock, log, signals, stopTimeoutMs } = options
  const steps: { readonly name: string; readonly step: () => Promise<void> }[] = []
  const ending = Promise.withResolvers<Ending>()
  const impatient = Promise.withResolvers<'signal'>()
  let signalled = 0
  const onSignal = (name: string) => () => {
    signalled += 1
    if (signalled === 1) ending.resolve({ kind: 'stop', reason: name })
    else impatient.resolve('signal')
  }
  const listeners = { SIGTERM: onSignal('SIGTERM'), SIGINT: onSignal('SIGINT') }
  signals.on('SIGTERM', listeners.SIGTERM)
  signals.on('SIGINT', listeners.SIGINT)

  const runSteps = async (): Promise<'done'> => {
    for (const { name, step } of steps.toReversed()) {
      try {
        await step()
      } catch (error) {
        log.warn({ err: error, step: name }, 'a stop step failed')
      }
    }
    return 'done'
  }
  const ended = async (): Promise<ExitCode> => {
    const how = await ending.promise
    if (how.kind === 'crash') log.fatal({ err: how.error }, 'ending because of an error')
    else log.info({ reason: how.reason }, 'stopping')
    const cancel = new AbortController()
    const timeout = clock.sleep(stopTimeoutMs, cancel.signal).then(() => 'timeout' as const)
    const result = await Promise.race([runSteps(), timeout, impatient.promise])
    cancel.abort()
    signals.off('SIGTERM', listeners.SIGTERM)
    signals.off('SIGINT', listeners.SIGINT)
    if (result !== 'done') log.warn({ result }, 'ended before everything was delivered; it is read again')
    if (how.kind === 'crash') return exitCodeOf(how.error)
    return result === 'done' ? EXIT.ok : EXIT.stopTimeout
  }
  const once = { promise: null as Promise<ExitCode> | null }
  return {
    onStop: (name, step) => {
      steps.push({ name, step })
    },
    crash: (error) => ending.resolve({ kind: 'crash', error }),
    ended: () => {
      once.promise ??= ended()
      return once.promise
    },
  }
}

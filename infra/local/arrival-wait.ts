import { type Clock, systemClock } from '../../runtime/clock.ts'
import { orAborted } from '../../runtime/or-aborted.ts'

/** What is waited for has stopped coming. The message says why, for people. */
export class Standstill extends Error {}

export interface ArrivalWait<T> {
  readonly ask: () => Promise<T>
  /** How much an answer shows. */
  readonly countOf: (answer: T) => number
  readonly wanted: number
  /** The worker that brings it. */
  readonly worker: {
    readonly name: string
    /** The partitions of what is waited for that are stopped, each with its code. */
    readonly stopped: () => Promise<readonly string[]>
    /** Why it is not ready; empty where it is. */
    readonly unreadiness: () => Promise<string>
  }
  readonly signal: AbortSignal
  readonly clock?: Clock
}

const POLL_MS = 200
/** A question that has no answer by then is asked again. */
const ANSWER_MS = 30_000
/** So long nothing may come while a partition is stopped: some stops pass by themselves within it. */
export const STOPPED_PATIENCE_MS = 20_000
/** So long nothing may come at all: what has ended is started again meanwhile. */
export const STANDSTILL_MS = 120_000

/**
 * The first answer that shows all that is wanted. A question that fails is no answer: its server may be started again
 * just then.
 * @throws Standstill when nothing more comes; the signal's reason
 */
export async function untilArrived<T>(wait: ArrivalWait<T>): Promise<T> {
  const { ask, countOf, wanted, signal, clock = systemClock } = wait
  let most = Number.NEGATIVE_INFINITY
  let movedAt = clock.now()
  for (;;) {
    signal.throwIfAborted()
    const answer = await orAborted(orFailure(ask), signal)
    if (answer.ok) {
      const count = countOf(answer.value)
      if (count >= wanted) return answer.value
      if (count > most) movedAt = clock.now()
      most = Math.max(most, count)
    }
    const why = await orAborted(whyItStands(wait, clock.now() - movedAt), signal)
    if (why !== null)
      throw new Standstill(answer.ok ? why : `${why}; the last question failed: ${answer.why}`)
    await clock.sleep(POLL_MS, signal)
  }
}

async function whyItStands<T>({ worker }: ArrivalWait<T>, standingMs: number): Promise<string | null> {
  if (standingMs < STOPPED_PATIENCE_MS) return null
  const stopped = await worker.stopped()
  if (stopped.length > 0) return `the ${worker.name} has stopped ${stopped.join(', ')}`
  if (standingMs < STANDSTILL_MS) return null
  const reason = await worker.unreadiness()
  const seconds = Math.round(standingMs / 1_000)
  return `nothing has come for ${seconds} s; the ${worker.name} ${reason === '' ? 'says that it is ready' : `is not ready: ${reason}`}`
}

type Answer<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly why: string }

async function orFailure<T>(ask: () => Promise<T>): Promise<Answer<T>> {
  try {
    return { ok: true, value: await orAborted(ask(), AbortSignal.timeout(ANSWER_MS)) }
  } catch (error) {
    return { ok: false, why: error instanceof Error ? error.message : String(error) }
  }
}

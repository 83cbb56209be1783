import { type Clock, systemClock } from './clock.ts'
import { orAborted } from './or-aborted.ts'

export interface WaitOptions {
  /** Between an answer and the next question. */
  readonly pauseMs: number
  /** Ends the wait at once with a rejection by its reason, also while `ask` has not answered. */
  readonly signal?: AbortSignal | undefined
  readonly clock?: Clock
}

/** Asks again until the answer will do, and gives that answer. A rejection of `ask` ends the wait. */
export async function waitUntil<T, E extends T = T>(
  ask: () => Promise<T>,
  isEnough: ((answer: T) => answer is E) | ((answer: T) => boolean),
  { pauseMs, signal, clock = systemClock }: WaitOptions,
): Promise<E> {
  for (;;) {
    signal?.throwIfAborted()
    const answer = await orAborted(ask(), signal)
    // Where the caller gives no type guard, E is T.
    if (isEnough(answer)) return answer as E
    await clock.sleep(pauseMs, signal)
  }
}

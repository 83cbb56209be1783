/**
 * `work`, or a rejection with the signal's reason as soon as it aborts, whether `work` heeds the signal or not. What
 * becomes of `work` after that is nobody's business: its failure is no unhandled one.
 */
export function orAborted<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return work
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason)
    if (signal.aborted) abort()
    signal.addEventListener('abort', abort, { once: true })
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort))
  })
}

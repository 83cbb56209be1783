import { killGroups } from './process-groups.ts'

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const
/** A Ctrl-C reaches this process twice, from the terminal and from its parent; only a later one is impatience. */
const IMPATIENCE_MS = 1_000

/** The reason of the abort, so that being told to end is not mistaken for a fault. */
export const TOLD_TO_END = Symbol('told to end')

/**
 * A signal that aborts at the first SIGINT, SIGTERM or SIGHUP, or when the parent's pipe closes because the parent is
 * gone. A second one kills what this process has started and ends it at once.
 */
export function toldToEnd(options: { readonly parentPipe: boolean }): AbortSignal {
  const ending = new AbortController()
  let toldAt = 0
  const told = () => {
    if (toldAt !== 0 && Date.now() - toldAt > IMPATIENCE_MS) {
      killGroups()
      process.exit(130)
    }
    if (toldAt === 0) toldAt = Date.now()
    ending.abort(TOLD_TO_END)
  }
  for (const signal of SIGNALS) process.on(signal, told)
  if (options.parentPipe) process.stdin.once('end', told).resume().unref()
  return ending.signal
}

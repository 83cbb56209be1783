export interface ParentOptions {
  /** Ends when standard input is closed: the parent holds its other end. */
  readonly exitWithStdin: boolean
  /** Ends when the process with this id is gone. */
  readonly parentPid: number | null
}

const POLL_MS = 500

/** Calls `end` once the parent is gone, however it ended. */
export function endWithParent(options: ParentOptions, end: () => void): void {
  if (options.exitWithStdin) {
    process.stdin.on('end', end).on('error', end).resume()
  }
  const { parentPid } = options
  if (parentPid === null) return
  setInterval(() => {
    if (!alive(parentPid)) end()
  }, POLL_MS).unref()
}

function alive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

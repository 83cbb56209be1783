import type { ChildProcess } from 'node:child_process'

/** Process groups whose leader this process has started and that have not ended. */
const groups = new Set<number>()

/** Notes a child that leads a process group of its own, until it ends. */
export function noteGroup(child: ChildProcess): void {
  const { pid } = child
  if (pid === undefined) return
  groups.add(pid)
  child.once('exit', () => groups.delete(pid))
}

/** Kills all that was started, without waiting. Only for a process that is about to exit: nothing is drained. */
export function killGroups(): void {
  for (const pid of groups) {
    try {
      process.kill(-pid, 'SIGKILL')
    } catch {
      // It has ended by itself.
    }
  }
}

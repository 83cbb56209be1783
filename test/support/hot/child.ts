import { type ChildProcess, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

/** A started `writer.ts` whose lines can be awaited. */
export interface WriterProcess {
  readonly process: ChildProcess
  /** The next line that has this property. Rejects when the process ends before. */
  next(property: string): Promise<Readonly<Record<string, unknown>>>
  kill(): Promise<void>
}

export function startWriter(job: Readonly<Record<string, unknown>>): WriterProcess {
  const file = fileURLToPath(new URL('./writer.ts', import.meta.url))
  const child = spawn(process.execPath, [file, JSON.stringify(job)], { stdio: ['ignore', 'pipe', 'inherit'] })
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  return {
    process: child,
    next: async (property) => {
      for (;;) {
        const line = await lines.next()
        if (line.done === true) throw new Error(`the writer ended before it said ${property}`)
        const said: Record<string, unknown> = JSON.parse(line.value)
        if (property in said) return said
      }
    },
    kill: async () => {
      child.kill('SIGKILL')
      await ended
    },
  }
}

import { open } from 'node:fs/promises'
import { type CommandContext, write } from '../command.ts'
import { usageError } from '../usage.ts'

/** A line that was not taken, and why. */
export interface Reject {
  readonly line: number
  /** Empty where the whole line is at fault. */
  readonly field: string
  readonly error: string
  /** The line as it was read; null where it was too long or is not UTF-8. */
  readonly input: string | null
}

export interface Rejects {
  readonly count: number
  add(reject: Reject): Promise<void>
  /** What was added is in the file. */
  close(): Promise<void>
}

/** To `file` as NDJSON; without a file to standard error as text, without the input. */
export async function openRejects(context: CommandContext, file: string | undefined): Promise<Rejects> {
  let count = 0
  if (file === undefined) {
    return {
      get count() {
        return count
      },
      add: async ({ line, field, error }) => {
        count++
        await write(context.stderr, `line ${line}: ${field === '' ? '' : `${field} `}${error}\n`)
      },
      close: async () => {},
    }
  }
  const handle = await open(file, 'w').catch(() => {
    throw usageError(`--rejects ${file}`, 'cannot be written')
  })
  return {
    get count() {
      return count
    },
    add: async (reject) => {
      count++
      await handle.appendFile(`${JSON.stringify(reject)}\n`)
    },
    close: async () => {
      await handle.sync().catch(() => {})
      await handle.close()
    },
  }
}

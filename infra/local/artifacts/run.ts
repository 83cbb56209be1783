import { spawn } from 'node:child_process'
import { DaybookError } from '../../../schemas/errors.ts'
import { noteGroup } from '../process-groups.ts'
import { SUPERVISE_SCRIPT } from '../supervise.ts'

export interface RunOptions {
  readonly command: string
  readonly args: readonly string[]
  readonly env?: Readonly<Record<string, string | undefined>>
  readonly cwd?: string
  /** What to do when the command fails. */
  readonly remedy: string
  /** Ends the command; `run` then rejects with its reason, when the command has ended. */
  readonly signal?: AbortSignal | undefined
}

const TAIL_CHARACTERS = 2_000
const GRACE_SECONDS = '2'

/**
 * Runs a build tool to its end and returns its standard output; throws with the last of its output otherwise. It ends
 * with this process.
 */
export function run(options: RunOptions): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn('/bin/sh', [SUPERVISE_SCRIPT, GRACE_SECONDS, options.command, ...options.args], {
      cwd: options.cwd,
      env: { ...process.env, ...options.env },
      detached: true,
      stdio: ['pipe', 'pipe', 'pipe', 'ignore'],
    })
    noteGroup(child)
    child.stdin?.on('error', () => {})
    const end = () => child.stdin?.end()
    if (options.signal?.aborted === true) end()
    options.signal?.addEventListener('abort', end, { once: true })
    let output = ''
    let tail = ''
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      output += text
      tail = (tail + text).slice(-TAIL_CHARACTERS)
    })
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      tail = (tail + text).slice(-TAIL_CHARACTERS)
    })
    const failed = (how: string, cause?: unknown) => {
      if (options.signal?.aborted === true) return reject(options.signal.reason)
      reject(
        new DaybookError(
          'DAYBOOK_LOCAL_BUILD_FAILED',
          `${options.command} ${how}. ${options.remedy}\n${tail.trim()}`,
          { cause },
        ),
      )
    }
    child.once('error', (cause) => failed('could not be started', cause))
    child.once('close', (code) => {
      options.signal?.removeEventListener('abort', end)
      if (code === 0) resolve(output)
      else failed(`ended with status ${code}`)
    })
  })
}

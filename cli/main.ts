import { CommanderError } from 'commander'
import { type CommandContext, describeError, EXIT, exitCodeOfError } from './command.ts'
import { createProgram } from './program.ts'

/** A command that does not end after Ctrl-C is ended so long after. */
const GRACE_MS = 5_000

class ReaderGone extends Error {}

async function main(argv: readonly string[]): Promise<number> {
  const ended = new AbortController()
  let exitCode: number = EXIT.ok
  const context: CommandContext = {
    env: process.env,
    stdin: process.stdin,
    stdout: process.stdout,
    stderr: process.stderr,
    signal: ended.signal,
    setExitCode: (code) => {
      exitCode = code
    },
  }
  // `| head` closes the pipe when it has enough: that is no error.
  process.stdout.on('error', () => ended.abort(new ReaderGone()))
  process.stderr.on('error', () => {})
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => interrupt(ended))
  // A command that waits for input would not notice the signal.
  ended.signal.addEventListener('abort', () => process.stdin.destroy())
  hideHarmlessWarning()
  try {
    await createProgram(context).parseAsync([...argv])
  } catch (error) {
    if (error instanceof CommanderError) exitCode = error.exitCode === 0 ? EXIT.ok : EXIT.usage
    else if (!ended.signal.aborted) {
      process.stderr.write(`daybook: ${describeError(error)}\n`)
      exitCode = exitCodeOfError(error)
    }
  }
  if (!ended.signal.aborted) return exitCode
  return ended.signal.reason instanceof ReaderGone ? EXIT.ok : EXIT.interrupted
}

/** The first time the command may finish what must not be left half done; the second time it may not. */
function interrupt(ended: AbortController): void {
  if (ended.signal.aborted) process.exit(EXIT.interrupted)
  ended.abort(new Error('interrupted'))
  setTimeout(() => process.exit(EXIT.interrupted), GRACE_MS).unref()
}

/** kafkajs makes Node warn of a negative timer, which does not concern the user of this program. */
function hideHarmlessWarning(): void {
  const shown = process.listeners('warning')
  process.removeAllListeners('warning')
  process.on('warning', (warning) => {
    if (warning.name !== 'TimeoutNegativeWarning') for (const show of shown) show.call(process, warning)
  })
}

function drained(stream: NodeJS.WriteStream): Promise<void> {
  return new Promise((resolve) => {
    if (!stream.writable) return resolve()
    stream.write('', () => resolve())
  })
}

const code = await main(process.argv)
await Promise.all([drained(process.stdout), drained(process.stderr)])
process.exit(code)

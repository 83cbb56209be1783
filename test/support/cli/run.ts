import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import type { Environment } from '../../../runtime/config.ts'

const BIN = fileURLToPath(new URL('../../../cli/bin.js', import.meta.url))

export interface CliResult {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/** A `daybook` process that is under way. */
export function startCli(args: readonly string[], env: Environment) {
  const child = spawn(process.execPath, [BIN, ...args], { env: { PATH: process.env['PATH'], ...env } })
  const ended = Promise.all([once(child, 'exit'), text(child.stdout), text(child.stderr)]).then(
    ([[code], stdout, stderr]): CliResult => ({ code, stdout, stderr }),
  )
  return { child, ended }
}

/** Runs `daybook` as a user does: in a process of its own, with nothing in the environment but `env`. */
export function runCli(args: readonly string[], env: Environment, input = ''): Promise<CliResult> {
  const { child, ended } = startCli(args, env)
  child.stdin.on('error', () => {})
  child.stdin.end(input)
  return ended
}

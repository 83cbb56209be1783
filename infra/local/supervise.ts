import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, mkdirSync, openSync } from 'node:fs'
import { dirname } from 'node:path'
import type { Readable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { DaybookError } from '../../schemas/errors.ts'
import { noteGroup } from './process-groups.ts'

/** See the script's own head for what it does. */
export const SUPERVISE_SCRIPT = fileURLToPath(new URL('./supervise.sh', import.meta.url))

export interface ProgramSpec {
  readonly name: string
  readonly command: string
  readonly args: readonly string[]
  readonly env: Readonly<Record<string, string | undefined>>
  readonly cwd: string
  /** Standard output and error are appended here. */
  readonly logFile: string
  /** How long the program may take to end after SIGTERM. */
  readonly graceSeconds: number
}

/** A running program that ends when this process ends, however this process ends. */
export interface Supervised {
  /** The program's own process id, not that of its supervisor. */
  readonly pid: number
  /** The program's exit status; above 128 it was ended by signal `status - 128`. Never rejects. */
  readonly exited: Promise<number>
  running(): boolean
  /** Sends a signal to the program alone. Does nothing once it has ended. */
  signal(name: NodeJS.Signals): void
  /** SIGTERM, and SIGKILL after the grace time. Resolves when the program has ended. */
  stop(): Promise<number>
}

/** Starts a program. Resolves when it runs (not when it is ready). */
export async function supervise(spec: ProgramSpec): Promise<Supervised> {
  mkdirSync(dirname(spec.logFile), { recursive: true })
  mkdirSync(spec.cwd, { recursive: true })
  const log = openSync(spec.logFile, 'a')
  const child = spawn('/bin/sh', [SUPERVISE_SCRIPT, String(spec.graceSeconds), spec.command, ...spec.args], {
    cwd: spec.cwd,
    env: spec.env,
    detached: true,
    stdio: ['pipe', log, log, 'pipe'],
  })
  closeSync(log)
  noteGroup(child)
  let running = true
  const exited = new Promise<number>((resolve) => {
    child.once('exit', (code) => {
      running = false
      resolve(code ?? 137)
    })
  })
  // The pipe breaks when the program ends by itself first; that is no fault.
  child.stdin?.on('error', () => {})
  const pid = await readPid(child, spec)
  return {
    pid,
    exited,
    running: () => running,
    signal: (name) => {
      if (running) process.kill(pid, name)
    },
    stop: () => {
      child.stdin?.end()
      return exited
    },
  }
}

function readPid(child: ChildProcess, spec: ProgramSpec): Promise<number> {
  return new Promise((resolve, reject) => {
    const failed = (cause: unknown) =>
      reject(
        new DaybookError(
          'DAYBOOK_LOCAL_COMPONENT_FAILED',
          `${spec.name}: ${spec.command} could not be started`,
          {
            cause,
          },
        ),
      )
    child.once('error', failed)
    const pipe = child.stdio[3] as Readable | null
    let text = ''
    pipe?.setEncoding('utf8')
    pipe?.on('data', (chunk: string) => {
      text += chunk
    })
    pipe?.once('end', () => {
      const pid = Number.parseInt(text, 10)
      if (Number.isInteger(pid)) resolve(pid)
      else failed(new Error('its supervisor ended before it told the process id'))
    })
  })
}

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createWriteStream } from 'node:fs'
import { Socket } from 'node:net'
import { createInterface } from 'node:readline'
import { WORKER_LAUNCH } from '../../../infra/local/worker-launch.ts'
import type { Failpoint } from '../../../runtime/failpoints.ts'
import type { WorkerKind } from './plan.ts'

/** A real worker process, started as in production, whose failpoints are commanded over a pipe (runtime/failpoint-pipe.ts). */
export interface WorkerProcess {
  readonly kind: WorkerKind
  readonly pid: number
  /** Resolves when the process stands at `failpoint`; rejects when `signal` aborts or the process ends first. */
  reach(failpoint: Failpoint, signal: AbortSignal): Promise<void>
  /** Lets it go on from `failpoint`, where it does not stop again. */
  release(failpoint: Failpoint): void
  signal(name: NodeJS.Signals): void
  running(): boolean
  /** Exit code, or the signal's name; all that it logged is known by then. */
  readonly ended: Promise<number | string>
  /** Whether `text` stands in its log. */
  logged(text: string): boolean
  /** The codes by which it has stopped partitions so far. */
  stops(): readonly string[]
  /** The last thing that it called fatal, or else its last line. */
  lastWords(): string
}

export interface WorkerSpec {
  readonly kind: WorkerKind
  /** Its main file. */
  readonly main: string
  readonly env: Readonly<Record<string, string>>
  readonly logFile: string
  /** Armed before the worker does anything. */
  readonly armed?: Failpoint
}

const FAILPOINT_FD = 3
const LAST_WORDS_CHARS = 600
/** How the worker's log line begins that tells of a stopped partition. */
const STOPPED = '"msg":"partition stopped'
const ENDS_WITH_PARENT = new URL('./ends-with-parent.ts', import.meta.url).href

export async function startWorker(spec: WorkerSpec): Promise<WorkerProcess> {
  const { nodeFlags, env } = WORKER_LAUNCH[spec.kind]
  const child = spawn(process.execPath, [...nodeFlags, '--import', ENDS_WITH_PARENT, spec.main], {
    env: { ...process.env, ...env, ...spec.env, DAYBOOK_FAILPOINT_FD: String(FAILPOINT_FD) },
    stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
  })
  const log = createWriteStream(spec.logFile, { flags: 'a' })
  child.stdout?.pipe(log, { end: false })
  child.stderr?.pipe(log, { end: false })
  child.once('close', () => log.end())
  // One that is stopped cannot see that its parent has gone.
  const kill = () => child.kill('SIGKILL')
  process.once('exit', kill)
  child.once('exit', () => process.off('exit', kill))
  await once(child, 'spawn')
  return new FaultableWorker(child, spec)
}

class FaultableWorker implements WorkerProcess {
  readonly kind: WorkerKind
  readonly pid: number
  readonly ended: Promise<number | string>
  readonly #child: ChildProcess
  readonly #pipe: Socket
  readonly #waiting = new Map<Failpoint, () => void>()
  #running = true
  #log = ''

  constructor(child: ChildProcess, spec: WorkerSpec) {
    const pipe = child.stdio[FAILPOINT_FD]
    if (child.pid === undefined || !(pipe instanceof Socket)) throw new Error('the worker has no pipe')
    this.kind = spec.kind
    this.pid = child.pid
    this.#child = child
    this.#pipe = pipe
    this.#pipe.on('error', () => {})
    const lines = createInterface({ input: pipe })
    lines.on('line', (line) => this.#reached(line))
    // A killed worker resets the pipe, and the reader passes that on.
    lines.on('error', () => {})
    this.ended = new Promise((resolve) => {
      child.once('exit', () => {
        this.#running = false
      })
      child.once('close', (code, signal) => resolve(code ?? signal ?? 'unknown'))
    })
    child.stdout?.on('data', (chunk: Buffer) => {
      this.#log += chunk.toString('utf8')
    })
    if (spec.armed !== undefined) this.#tell({ arm: spec.armed })
    this.#tell({ begin: true })
  }

  reach(failpoint: Failpoint, signal: AbortSignal): Promise<void> {
    const reached = Promise.withResolvers<void>()
    const give = () => reached.reject(new Error(`${this.kind} did not reach ${failpoint}`))
    this.#waiting.set(failpoint, reached.resolve)
    signal.addEventListener('abort', give, { once: true })
    void this.ended.then(give)
    this.#tell({ arm: failpoint })
    return reached.promise.finally(() => {
      signal.removeEventListener('abort', give)
      this.#waiting.delete(failpoint)
    })
  }

  release(failpoint: Failpoint): void {
    this.#tell({ disarm: failpoint })
  }

  signal(name: NodeJS.Signals): void {
    if (this.#running) this.#child.kill(name)
  }

  logged(text: string): boolean {
    return this.#log.includes(text)
  }

  stops(): readonly string[] {
    return this.#log
      .split('\n')
      .filter((line) => line.includes(STOPPED))
      .map((line) => /"code":"([A-Z0-9_]+|unknown)"/.exec(line)?.[1] ?? 'unknown')
  }

  lastWords(): string {
    const lines = this.#log.trimEnd().split('\n')
    const fatal = lines.findLast((line) => line.includes('"level":"fatal"'))
    return (fatal ?? lines.at(-1) ?? '').slice(0, LAST_WORDS_CHARS)
  }

  running(): boolean {
    return this.#running
  }

  #reached(line: string): void {
    const message: unknown = JSON.parse(line)
    const name: unknown =
      typeof message === 'object' && message !== null ? Reflect.get(message, 'name') : null
    for (const [failpoint, resolve] of this.#waiting) if (failpoint === name) resolve()
  }

  #tell(command: object): void {
    if (this.#running) this.#pipe.write(`${JSON.stringify(command)}\n`)
  }
}

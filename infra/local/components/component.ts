import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { waitUntil } from '../../../runtime/wait-until.ts'
import { DaybookError } from '../../../schemas/errors.ts'
import { endOfLog, lastFatalCode } from '../last-fatal-code.ts'
import { type ProgramSpec, type Supervised, supervise } from '../supervise.ts'

/** One server of the local stack. Port and data stay the same over stop, kill and start. */
export interface Component {
  readonly name: string
  readonly logFile: string
  /** The server's process id; null while it does not run. */
  pid(): number | null
  /** Resolves when the server answers; when it does not, it is ended first. Does nothing while it runs. */
  start(): Promise<void>
  /** SIGTERM, then SIGKILL after its grace time. Resolves when the process has ended, also one that is being started. */
  stop(): Promise<void>
  /** Sends a signal to the server alone. After SIGKILL or SIGTERM it resolves when the process has ended. */
  kill(signal: NodeJS.Signals): Promise<void>
  restart(): Promise<void>
  /** Called when the server ends without having been asked to through this object, after it had answered. */
  onUnexpectedExit(listener: (end: ProgramEnd) => void): void
  /** How the server ended by itself, after it had answered or before; null when it did not since it was last started. */
  lastEnd(): ProgramEnd | null
}

export interface ProgramEnd {
  /** Above 128: ended by signal `status - 128`. */
  readonly status: number
  /** Of the error for which its log says that it ends; null where it says none. */
  readonly code: string | null
}

export interface ComponentSpec extends ProgramSpec {
  /** Resolves when the server answers as its clients need it to; rejects, or hangs, when it does not yet. */
  readonly probe: () => Promise<unknown>
  /** Runs before each start: writes configuration, formats storage. */
  readonly prepare?: () => Promise<void>
}

const READY_TIMEOUT_MS = 90_000
const PROBE_TIMEOUT_MS = 5_000
const PROBE_PAUSE_MS = 100
const LOG_TAIL_CHARACTERS = 1_500

export function component(spec: ComponentSpec): Component {
  return new ProgramComponent(spec)
}

class ProgramComponent implements Component {
  readonly name: string
  readonly logFile: string
  readonly #spec: ComponentSpec
  readonly #listeners: ((end: ProgramEnd) => void)[] = []
  #program: Supervised | null = null
  #starting: Promise<void> | null = null
  #wanted = false
  #answered = false
  #lastEnd: ProgramEnd | null = null

  constructor(spec: ComponentSpec) {
    this.#spec = spec
    this.name = spec.name
    this.logFile = spec.logFile
  }

  pid(): number | null {
    return this.#program?.running() === true ? this.#program.pid : null
  }

  async start(): Promise<void> {
    if (this.#program?.running() === true) return
    this.#wanted = true
    this.#answered = false
    this.#lastEnd = null
    this.#starting = this.#startProgram()
    await this.#starting
  }

  async stop(): Promise<void> {
    this.#wanted = false
    await this.#program?.stop()
    await this.#starting?.catch(() => {})
  }

  async restart(): Promise<void> {
    await this.stop()
    await this.start()
  }

  async kill(signal: NodeJS.Signals): Promise<void> {
    const ends = signal === 'SIGKILL' || signal === 'SIGTERM'
    if (ends) this.#wanted = false
    this.#program?.signal(signal)
    if (ends) await this.#program?.exited
  }

  onUnexpectedExit(listener: (end: ProgramEnd) => void): void {
    this.#listeners.push(listener)
  }

  lastEnd(): ProgramEnd | null {
    return this.#lastEnd
  }

  async #startProgram(): Promise<void> {
    await this.#spec.prepare?.()
    const logFrom = endOfLog(this.logFile)
    const started = await supervise(this.#spec)
    this.#program = started
    // stop() was called while there was nothing to stop yet.
    if (!this.#wanted) await started.stop()
    void started.exited.then((status) => this.#ended(started, status, logFrom))
    await ready(this.#spec, started)
    this.#answered = true
  }

  #ended(program: Supervised, status: number, logFrom: number): void {
    if (!this.#wanted || this.#program !== program) return
    const end = { status, code: lastFatalCode(this.logFile, logFrom) }
    this.#lastEnd = end
    if (this.#answered) for (const listener of this.#listeners) listener(end)
  }
}

interface Probed {
  readonly kind: 'answers' | 'ended' | 'not yet'
  readonly cause: unknown
}

async function ready(spec: ComponentSpec, program: Supervised): Promise<void> {
  const deadline = Date.now() + READY_TIMEOUT_MS
  const probed = await waitUntil(
    () => probe(spec, program),
    ({ kind }) => kind !== 'not yet' || Date.now() > deadline,
    { pauseMs: PROBE_PAUSE_MS },
  )
  if (probed.kind === 'answers') return
  if (probed.kind === 'ended')
    throw failed(spec, `ended with status ${await program.exited} while starting`, null)
  await program.stop()
  throw failed(spec, `did not answer within ${READY_TIMEOUT_MS / 1000} s`, probed.cause)
}

async function probe(spec: ComponentSpec, program: Supervised): Promise<Probed> {
  if (!program.running()) return { kind: 'ended', cause: null }
  try {
    await Promise.race([spec.probe(), rejectAfter(PROBE_TIMEOUT_MS)])
    return { kind: 'answers', cause: null }
  } catch (cause) {
    return { kind: 'not yet', cause }
  }
}

function failed(spec: ComponentSpec, what: string, cause: unknown): DaybookError {
  return new DaybookError(
    'DAYBOOK_LOCAL_COMPONENT_FAILED',
    `${spec.name} ${what}. The end of ${spec.logFile}:\n${readFileSync(spec.logFile, 'utf8').slice(-LOG_TAIL_CHARACTERS)}`,
    { cause },
  )
}

async function rejectAfter(ms: number): Promise<never> {
  await sleep(ms, undefined, { ref: false })
  throw new Error(`no answer in ${ms} ms`)
}

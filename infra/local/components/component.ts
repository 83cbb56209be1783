import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { DaybookError } from '../../../schemas/errors.ts'
import { type ProgramSpec, type Supervised, supervise } from '../supervise.ts'

/** One server of the local stack. Port and data stay the same over stop, kill and start. */
export interface Component {
  readonly name: string
  readonly logFile: string
  /** The server's process id; null while it does not run. */
  pid(): number | null
  /** Resolves when the server answers. Does nothing while it runs. */
  start(): Promise<void>
  /** SIGTERM, then SIGKILL after its grace time. Resolves when the process has ended. */
  stop(): Promise<void>
  /** Sends a signal to the server alone. After SIGKILL or SIGTERM it resolves when the process has ended. */
  kill(signal: NodeJS.Signals): Promise<void>
  restart(): Promise<void>
  /** Called when the server ends without having been asked to through this object. */
  onUnexpectedExit(listener: (status: number) => void): void
}

export interface ComponentSpec extends ProgramSpec {
  /** Resolves when the server answers as its clients need it to; rejects, or hangs, when it does not yet. */
  readonly probe: () => Promise<unknown>
  /** Runs before each start: writes configuration, formats storage. */
  readonly prepare?: () => Promise<void>
}

const READY_TIMEOUT_MS = 90_000
const PROBE_PAUSE_MS = 100
const LOG_TAIL_CHARACTERS = 1_500

export function component(spec: ComponentSpec): Component {
  const listeners: ((status: number) => void)[] = []
  let program: Supervised | null = null
  let wanted = false

  const start = async () => {
    if (program?.running() === true) return
    wanted = true
    await spec.prepare?.()
    const started = await supervise(spec)
    program = started
    // stop() was called while there was nothing to stop yet.
    if (!wanted) await started.stop()
    void started.exited.then((status) => {
      if (wanted && program === started) for (const listener of listeners) listener(status)
    })
    await ready(spec, started)
  }
  const stop = async () => {
    wanted = false
    await program?.stop()
  }
  return {
    name: spec.name,
    logFile: spec.logFile,
    pid: () => (program?.running() === true ? program.pid : null),
    start,
    stop,
    restart: async () => {
      await stop()
      await start()
    },
    kill: async (signal) => {
      const ends = signal === 'SIGKILL' || signal === 'SIGTERM'
      if (ends) wanted = false
      program?.signal(signal)
      if (ends) await program?.exited
    },
    onUnexpectedExit: (listener) => listeners.push(listener),
  }
}

async function ready(spec: ComponentSpec, program: Supervised): Promise<void> {
  const deadline = Date.now() + READY_TIMEOUT_MS
  let cause: unknown
  while (Date.now() < deadline) {
    if (!program.running())
      throw failed(spec, `ended with status ${await program.exited} while starting`, cause)
    try {
      await Promise.race([spec.probe(), rejectAfter(5_000)])
      return
    } catch (error) {
      cause = error
      await sleep(PROBE_PAUSE_MS)
    }
  }
  await program.stop()
  throw failed(spec, `did not answer within ${READY_TIMEOUT_MS / 1000} s`, cause)
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

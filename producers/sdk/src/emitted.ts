import type { EmitState, Emitted } from './audit-log.ts'
import { notAcknowledged } from './delivery/progress.ts'
import type { ProblemReport } from './problems.ts'
import type { Recorded } from './recorder.ts'

const DEFAULT_WAIT_MS = 30_000

type Wait = (sequence: number, timeoutMs: number) => Promise<void>

export class EmittedEvent implements Emitted {
  readonly eventId: string
  readonly sequence: number
  readonly state: EmitState
  readonly problems: readonly ProblemReport[]
  readonly #wait: Wait

  constructor(recorded: Recorded, wait: Wait) {
    this.eventId = recorded.eventId
    this.sequence = recorded.sequence
    this.state = recorded.state
    this.problems = recorded.problems
    this.#wait = wait
  }

  acknowledged(options?: { readonly timeoutMs?: number }): Promise<void> {
    if (this.state === 'refused') return Promise.reject(notAcknowledged('because it was refused'))
    return this.#wait(this.sequence, options?.timeoutMs ?? DEFAULT_WAIT_MS)
  }
}

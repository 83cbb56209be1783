import type { AuditContext } from './context.ts'
import type { Transport } from './delivery/transport.ts'
import type { EventInput } from './event/event-input.ts'
import type { OnProblem, ProblemReport } from './problems.ts'

/** Event types by action, each with the shape of its event; until a catalogue is given, any action is allowed. */
export type EventCatalogue = Readonly<Record<string, EventInput>>

export interface SpoolOptions {
  /** On a local disk. Several processes may name the same directory; each keeps its own part of it. */
  readonly dir: string
  /** Disk that may be used; beyond it events are refused. Default: 1 GiB. */
  readonly capBytes?: number
  /** How often what was written is forced to the disk, off the event loop. Default: 200 ms. */
  readonly fsyncMs?: number
}

export interface AuditLogOptions {
  readonly service: {
    readonly name: string
    readonly version?: string
    readonly environment?: string
    readonly region?: string
    /** Default: the host's name. */
    readonly host?: string
  }
  readonly transport: Transport
  /** `'memory'`: no disk; what is unsent is lost when the process is killed. */
  readonly spool: SpoolOptions | 'memory'
  /** The tenant of events that state none and stand in no `run` with one. */
  readonly tenant?: string
  /** Which tenants there are. Events of others are refused. Must be fast; default: every non-empty id. */
  readonly tenants?: (id: string) => boolean
  /** Called for everything that goes wrong. What it throws is ignored. */
  readonly onProblem?: OnProblem
  /** `record`: what is invalid is cut, named and flagged. `throw`: emit throws it; for tests. Default: `record`. */
  readonly onInvalid?: 'record' | 'throw'
  /** Larger events are recorded without their large fields. Default: 256 KiB. */
  readonly maxEventBytes?: number
  /** Memory for events that wait to be sent; further ones are read back from the spool. Default: 8 MiB. */
  readonly memoryBytes?: number
}

/**
 * Where the event stands when `emit` returns. `spooled`: in the spool file; it survives a kill of the process.
 * `buffered`: in memory only. `refused`: not recorded (unknown tenant, full spool, closed log); `problems` says why.
 */
export type EmitState = 'spooled' | 'buffered' | 'refused'

export interface Emitted {
  readonly eventId: string
  /** Counts this producer's events from 1 without gaps; 0 when refused. */
  readonly sequence: number
  readonly state: EmitState
  /** What was wrong with the event. */
  readonly problems: readonly ProblemReport[]
  /**
   * Resolves when Kafka has the event (acks=all). Rejects with DAYBOOK_SDK_NOT_ACKNOWLEDGED after `timeoutMs`
   * (default 30 s), when the event was refused, or when the log is closed before; a spooled event is still sent
   * later, so a rejection does not mean that it is lost.
   */
  acknowledged(options?: { readonly timeoutMs?: number }): Promise<void>
}

export interface AuditLogStatus {
  readonly producerId: string
  readonly lastSequence: number
  readonly healthy: boolean
  /** Why not healthy. */
  readonly reasons: readonly string[]
  /** Emitted by this process and not acknowledged yet. */
  readonly unacknowledged: number
  /** How long nothing was acknowledged although events wait. */
  readonly stalledMs: number
  readonly spool: {
    readonly kind: 'file' | 'memory'
    readonly bytes: number
    readonly capBytes: number
    /** Bytes of events held in memory. */
    readonly memoryBytes: number
    readonly writable: boolean
  }
  readonly counts: Readonly<Record<CountName, number>>
  /** This host's clock minus the broker's, as acknowledgements tell; null while unknown. */
  readonly clockOffsetMs: number | null
  /** The last failure to send; null when the last send succeeded. */
  readonly lastError: { readonly code: string; readonly message: string } | null
}

/** Since the log was created. `resent` counts events taken over from ended processes. */
export type CountName =
  | 'spooled'
  | 'buffered'
  | 'refused'
  | 'degraded'
  | 'acknowledged'
  | 'rejected'
  | 'resent'
  | 'corrupt'

export interface AuditLog<C extends EventCatalogue = EventCatalogue> {
  readonly producerId: string
  /**
   * Records an event. Synchronous, without network I/O and without waiting for the disk. Never throws under
   * `onInvalid: 'record'`, whatever it is given and whatever is broken; under `'throw'` it throws DaybookError for
   * an invalid event.
   */
  emit<A extends keyof C & string>(action: A, event: C[A]): Emitted
  /** Runs `fn`; its emits, also those after an await, take what they do not state from `context`. */
  run<T>(context: AuditContext, fn: () => T): T
  status(): AuditLogStatus
  /** @throws DaybookError DAYBOOK_SDK_UNHEALTHY when events are refused, kept in memory only, or stuck. */
  assertHealthy(): void
  /** Waits until everything emitted before is acknowledged. False when `timeoutMs` (default 30 s) ended first. */
  flush(options?: { readonly timeoutMs?: number }): Promise<boolean>
  /**
   * Records the stop, sends what it can within `timeoutMs` (default 5 s) and closes everything. What is unsent
   * stays in the spool for the next start. False when something was left.
   */
  close(options?: { readonly timeoutMs?: number }): Promise<boolean>
}

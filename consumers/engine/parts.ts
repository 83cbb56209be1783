import { Assignment } from './assignment.ts'
import { Commits } from './commits.ts'
import { Cutter } from './cutter.ts'
import { DecodeCircuit } from './decode-circuit.ts'
import { DeliveryLane } from './delivery-lane.ts'
import { EagerCut } from './eager.ts'
import { FloodAlarm } from './flood-alarm.ts'
import { Intake } from './intake.ts'
import { MemoryBudget } from './memory.ts'
import type { EngineLimits, EngineOptions } from './options.ts'
import type { PartitionSession } from './partition-session.ts'
import { Pauses } from './pauses.ts'
import { Pressure } from './pressure.ts'
import { Recovery } from './recovery.ts'
import { Watchdog } from './watchdog.ts'

/** What the parts need from the loop that holds the sessions. */
export interface PartsHooks {
  readonly limits: EngineLimits
  readonly sessions: () => readonly PartitionSession[]
  /** Aborts what is under way in the sink. */
  readonly signal: AbortSignal
  /** The store holds more of this partition, or the partition may be delivered again. */
  readonly onMoved: (session: PartitionSession) => void
  readonly onFault: (error: unknown) => void
}

export type EngineParts = ReturnType<typeof createParts>

/** The steps of the pipeline, wired: intake → cutter → lane → (recovery) → commits; pressure and watchdog beside them. */
export function createParts(options: EngineOptions, hooks: PartsHooks) {
  const { source, sink, cut, clock, failpoints, observer, random } = options
  const { limits, sessions, onMoved, onFault } = hooks
  const backoff = { clock, random, firstMs: limits.backoffFirstMs, maxMs: limits.backoffMaxMs }
  const memory = new MemoryBudget({ capBytes: limits.memoryBytes, lowBytes: limits.memoryLowBytes })
  const pauses = new Pauses(source)
  const assignment = new Assignment({ source, sink, backoff, failpoints, observer })
  const recovery = new Recovery({ assignment, backoff, pauses, observer, onRecovered: onMoved })
  const onCut = () => lane.pump()
  const cutter = new Cutter({
    cut,
    gatherAgeRatio: limits.gatherAgeRatio,
    clock,
    failpoints,
    observer,
    isFree: (session) => lane.hasRoom && !session.delivering,
    onCut,
    onFault,
  })
  const pressure = new Pressure({ memory, cutter, pauses, observer, sessions, onFault })
  const lane = new DeliveryLane({
    sink,
    limits,
    clock,
    observer,
    sessions,
    signal: hooks.signal,
    onDelivered: onMoved,
    onFenced: (session) => void recovery.fenced(session).catch(onFault),
    onAmbiguous: (session, error) => void recovery.ambiguous(session, error).catch(onFault),
    onEnded: () => {
      pressure.adjust()
      cutter.cutOverdue()
      eager.consider()
    },
    onFault,
  })
  const eager = new EagerCut({ lane, cutter, ...limits, sessions, onFault })
  const intake = new Intake({
    ...{ checker: options.checker, sink, cutter, memory, backoff, failpoints, observer },
    circuit: new DecodeCircuit(limits),
    floodAlarm: new FloodAlarm({ inARow: limits.floodInARow, observer }),
  })
  const commits = new Commits({ source, backoff, failpoints, observer })
  const watchdog = new Watchdog({ source, clock, intervalMs: limits.watchdogMs, sessions, onFault })
  return { memory, pauses, assignment, cutter, pressure, eager, lane, intake, commits, watchdog }
}

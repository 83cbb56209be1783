import type { PartitionRef } from './contracts.ts'
import { Commits } from './flush/commits.ts'
import { Cutter } from './flush/cutter.ts'
import { DeliveryLane } from './flush/delivery-lane.ts'
import { EarlyFlush } from './flush/early-flush.ts'
import { Watchdog } from './health/watchdog.ts'
import { Pauses } from './intake/fetch-pauses.ts'
import { FloodAlarm } from './intake/flood-alarm.ts'
import { Intake } from './intake/intake.ts'
import { MemoryBudget } from './intake/memory-budget.ts'
import { Pressure } from './intake/memory-pressure.ts'
import type { EngineLimits, EngineOptions } from './options.ts'
import type { PartitionSession } from './partition-session.ts'
import { Assignment } from './recovery/assignment.ts'
import { PartitionStops } from './recovery/partition-stops.ts'
import { Recovery } from './recovery/recovery.ts'

/** What the steps need from the loop that holds the sessions. */
export interface WiringHooks {
  readonly limits: EngineLimits
  readonly sessions: () => readonly PartitionSession[]
  /** Aborts what is under way in the sink. */
  readonly signal: AbortSignal
  /** The store holds more of this partition, or the partition may be delivered again. */
  readonly onMoved: (session: PartitionSession) => void
  /** The partition cannot go on. */
  readonly onFault: (session: PartitionSession, error: unknown) => void
  /** A stopped partition is to be tried again. */
  readonly onRetry: (partition: PartitionRef) => void
}

export type EngineSteps = ReturnType<typeof wireEngine>

/** The steps of the pipeline, wired: intake → cutter → lane → (recovery) → commits; pressure and watchdog beside them. */
export function wireEngine(options: EngineOptions, hooks: WiringHooks) {
  const { source, sink, cut, clock, failpoints, observer, random } = options
  const { limits, sessions, onMoved, onFault, onRetry } = hooks
  const backoff = { clock, random, baseDelayMs: limits.backoffFirstMs, maxDelayMs: limits.backoffMaxMs }
  const memory = new MemoryBudget({
    capBytes: limits.memoryBytes,
    lowBytes: limits.memoryLowBytes,
  })
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
  const lane = new DeliveryLane({
    sink,
    limits,
    clock,
    observer,
    sessions,
    signal: hooks.signal,
    onDelivered: (session) => {
      recovery.succeeded(session)
      onMoved(session)
    },
    onFenced: (session) => void recovery.fenced(session).catch((error: unknown) => onFault(session, error)),
    onAmbiguous: (session, error) =>
      void recovery.ambiguous(session, error).catch((fault: unknown) => onFault(session, fault)),
    onEnded: () => {
      pressure.adjust()
      cutter.cutOverdue()
      earlyFlush.consider()
    },
    onFault,
  })
  const earlyFlush = new EarlyFlush({ lane, cutter, memory, ...limits, sessions, onFault })
  const pressure = new Pressure({ memory, cutter, pauses, earlyFlush, lane, clock, sessions, onFault })
  const intake = new Intake({
    ...{ checker: options.checker, sink, cutter, memory, pressure, backoff, failpoints, observer },
    floodAlarm: new FloodAlarm({ inARow: limits.floodInARow, clock, observer }),
  })
  const commits = new Commits({ source, backoff, failpoints, observer })
  const stops = new PartitionStops({
    ...{ clock, random, observer, onRetry },
    firstMs: limits.stopRetryFirstMs,
    maxMs: limits.stopRetryMaxMs,
    repeatMs: limits.stopRepeatMs,
  })
  const watchdog = new Watchdog({ source, clock, intervalMs: limits.watchdogMs, sessions, onFault })
  return { memory, pauses, assignment, cutter, pressure, earlyFlush, lane, intake, commits, stops, watchdog }
}

import type { HealthCheck } from '../runtime/health.ts'
import type { PartitionRef } from './engine/contracts.ts'
import type { Engine } from './engine/engine.ts'
import type { EngineState } from './engine/health/engine-health.ts'

/** The engine, once there is one: before that a worker waits for what it is made from, alive and not ready. */
export interface Running {
  engine: Pick<Engine, 'health'> | null
}

/** Why a worker that has no engine yet is not ready. */
export const STARTING = 'starting'

/** Fails only where a restart may help. */
export function livenessOf(running: Running): HealthCheck {
  return {
    name: 'engine',
    state: () => {
      if (running.engine === null) return { ok: true }
      const { alive, state, partitions, boundsUnknownMs } = running.engine.health()
      if (alive) return { ok: true }
      const standing = partitions.filter(
        ({ healthy, stopped, waiting }) => !healthy && stopped === null && waiting === null,
      )
      if (standing.length > 0) return { ok: false, reason: `no progress in ${namesOf(standing)}` }
      return { ok: false, reason: withoutLog(state, boundsUnknownMs) }
    },
  }
}

export function readinessOf(running: Running): HealthCheck {
  return {
    name: 'engine',
    state: () => {
      if (running.engine === null) return { ok: false, reason: STARTING }
      const { healthy, state, partitions, concerns, boundsUnknownMs, withoutGroupMs } =
        running.engine.health()
      if (healthy) return { ok: true }
      const reasons = partitions.flatMap(({ partition, stopped }) =>
        stopped === null
          ? []
          : [`${namesOf([{ partition }])} is stopped by ${stopped.code}: ${stopped.message}`],
      )
      for (const [topic, { code, message }] of concerns) reasons.push(`topic ${topic}: ${code}: ${message}`)
      const late = partitions.filter((each) => !each.healthy && each.stopped === null)
      for (const { partition, waiting } of late)
        if (waiting !== null)
          reasons.push(`${namesOf([{ partition }])} waits for ${waiting.step}: ${waiting.code}`)
      const standing = late.filter(({ waiting }) => waiting === null)
      if (standing.length > 0) reasons.push(`no progress in ${namesOf(standing)}`)
      if (reasons.length > 0) return { ok: false, reason: reasons.join('; ') }
      if (withoutGroupMs !== null) return { ok: false, reason: notInGroup(withoutGroupMs) }
      return { ok: false, reason: withoutLog(state, boundsUnknownMs) }
    },
  }
}

/** Where nothing else is wrong with a running engine, it is the brokers that do not answer. */
function withoutLog(state: EngineState, boundsUnknownMs: number): string {
  if (state !== 'running') return state
  const seconds = Math.round(boundsUnknownMs / 1_000)
  return `no broker has said for ${seconds} s where the log ends: is Kafka up? (DAYBOOK_KAFKA_BROKER)`
}

function notInGroup(sinceMs: number): string {
  const seconds = Math.round(sinceMs / 1_000)
  return `waiting for the group for ${seconds} s since the start: it takes a worker in when every member has answered, and waits for one that died until DAYBOOK_KAFKA_SESSION_TIMEOUT_MS has passed; longer, and no broker may answer (DAYBOOK_KAFKA_BROKER)`
}

function namesOf(partitions: readonly { readonly partition: PartitionRef }[]): string {
  return partitions.map(({ partition }) => `${partition.topic}/${partition.partition}`).join(', ')
}

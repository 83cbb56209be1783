import { gaveWay } from '../faults.ts'
import type { Cutter } from '../flush/cutter.ts'
import type { PartitionSession } from '../partition-session.ts'
import type { Pauses } from './fetch-pauses.ts'
import type { MemoryBudget } from './memory-budget.ts'

export interface PressureOptions {
  readonly memory: MemoryBudget
  readonly cutter: Cutter
  readonly pauses: Pauses
  readonly sessions: () => Iterable<PartitionSession>
  /** Sees to it that what is open of a partition becomes a range. */
  readonly makeRoom: (session: PartitionSession) => Promise<void>
  readonly onFault: (session: PartitionSession, error: unknown) => void
}

/** A store that answers badly once or twice is no reason to stop a partition: with the back-off, about a second. */
const FAILURES_TO_GIVE_WAY = 3

/**
 * At the memory cap: first cut the largest open ranges, so that there is something to deliver, then stop fetching. The
 * same for a partition alone that has its share.
 */
export class Pressure {
  readonly #options: PressureOptions
  #paused = false

  constructor(options: PressureOptions) {
    this.#options = options
  }

  /** Call after the buffered bytes have changed. */
  adjust(): void {
    const { memory, pauses } = this.#options
    for (const session of this.#options.sessions()) this.#adjustShare(session)
    if (memory.isFull) {
      this.#paused = true
      this.#cutLargest()
      pauses.pause(this.#partitions(), 'memory')
      this.#dropFailing()
    } else if (this.#paused && this.#movingBytes() <= memory.lowBytes) {
      this.#paused = false
      pauses.resume(this.#partitions(), 'memory')
    }
  }

  #adjustShare(session: PartitionSession): void {
    const { memory, pauses, makeRoom, onFault } = this.#options
    const { partition, bufferedBytes } = session
    const share = memory.shareBytes
    if (bufferedBytes >= share) {
      pauses.pause([partition], 'share')
      makeRoom(session).catch((error: unknown) => onFault(session, error))
    } else if (bufferedBytes <= share / 2) pauses.resume([partition], 'share')
  }

  #cut(session: PartitionSession): void {
    const { cutter, onFault } = this.#options
    cutter.cut(session, 'memory').catch((error: unknown) => onFault(session, error))
  }

  /** Without the bytes of partitions whose deliveries fail: one of those must not keep the others paused. */
  #movingBytes(): number {
    let bytes = this.#options.memory.bytes
    for (const session of this.#options.sessions()) if (isFailing(session)) bytes -= session.bufferedBytes
    return bytes
  }

  /**
   * Where those whose deliveries fail have taken all there is and others have something to read, the largest of them
   * gives back what it holds: it stops, and is read again after a pause.
   */
  #dropFailing(): void {
    const sessions = [...this.#options.sessions()].filter((session) => !session.isOver)
    if (!sessions.some((session) => !isFailing(session) && isHeldBack(session))) return
    if (this.#movingBytes() > this.#options.memory.lowBytes) return
    const failing = sessions.filter(({ failures }) => failures >= FAILURES_TO_GIVE_WAY)
    const [largest] = failing.sort((a, b) => b.bufferedBytes - a.bufferedBytes)
    if (largest !== undefined) this.#options.onFault(largest, gaveWay(largest.partition))
  }

  /** Cuts until what stays open is below the low-water mark: else delivering everything cut would not end the pause. */
  #cutLargest(): void {
    const { memory, sessions } = this.#options
    const open = [...sessions()].filter((session) => session.open.rows > 0)
    open.sort((a, b) => b.open.bytes - a.open.bytes)
    let openBytes = open.reduce((sum, session) => sum + session.open.bytes, 0)
    for (const session of open) {
      if (openBytes <= memory.lowBytes) return
      openBytes -= session.open.bytes
      this.#cut(session)
    }
  }

  #partitions() {
    return [...this.#options.sessions()].map((session) => session.partition)
  }
}

/** What it holds cannot be delivered now. */
function isFailing({ recovering, isFailing }: PartitionSession): boolean {
  return recovering || isFailing
}

/** There is more in its log, and nothing of it is here. */
function isHeldBack({ claim, highWatermark, next, hasUndelivered }: PartitionSession): boolean {
  return claim !== null && !hasUndelivered && highWatermark !== null && highWatermark > next
}

import type { Clock } from '../../../runtime/clock.ts'
import type { PartitionRef } from '../contracts.ts'
import { gaveWay } from '../faults.ts'
import type { Cutter } from '../flush/cutter.ts'
import { type DeliveryLane, STUCK_MS } from '../flush/delivery-lane.ts'
import type { EarlyFlush } from '../flush/early-flush.ts'
import type { PartitionSession } from '../partition-session.ts'
import type { Pauses } from './fetch-pauses.ts'
import type { MemoryBudget } from './memory-budget.ts'

export interface PressureOptions {
  readonly memory: MemoryBudget
  readonly cutter: Cutter
  readonly pauses: Pauses
  readonly earlyFlush: Pick<EarlyFlush, 'isOn' | 'consider'>
  readonly lane: Pick<DeliveryLane, 'isMoving'>
  readonly clock: Pick<Clock, 'after'>
  readonly sessions: () => Iterable<PartitionSession>
  readonly onFault: (session: PartitionSession, error: unknown) => void
}

/** A store that answers badly once or twice is no reason to stop a partition: with the back-off, about a second. */
const FAILURES_TO_GIVE_WAY = 3

/**
 * At the memory cap: see that there is something to deliver, and stop fetching. The same for a partition alone that has
 * its share.
 */
export class Pressure {
  readonly #options: PressureOptions
  #paused = false
  #looksAgain = false

  constructor(options: PressureOptions) {
    this.#options = options
  }

  /** Call after the buffered bytes have changed. */
  adjust(): void {
    const { memory, pauses } = this.#options
    let isShort = false
    for (const session of this.#options.sessions()) if (this.#waitsForShare(session)) isShort = true
    if (memory.isFull) {
      this.#paused = true
      pauses.pause(this.#large(), 'memory')
      this.#dropFailing()
    } else if (this.#paused && this.#movingBytes() <= memory.lowBytes) {
      this.#paused = false
      pauses.resume(this.#partitions(), 'memory')
    }
    if (isShort || this.#paused) this.makeRoom()
    // Whose deliveries fail is told by nothing that moves.
    if (this.#paused) this.#lookAgain()
  }

  /**
   * Sees to it that what is held gets less. Where deliveries are under way they do, and to cut more meanwhile would only
   * make ranges small: when nearly all memory is taken, a share is a fiftieth of it.
   */
  makeRoom(): void {
    const { earlyFlush, lane } = this.#options
    if (earlyFlush.isOn) earlyFlush.consider()
    else if (lane.isMoving) this.#lookAgain()
    else this.#cutLargest()
  }

  /** What is under way may not end: a store that hangs for one partition. */
  #lookAgain(): void {
    if (this.#looksAgain) return
    this.#looksAgain = true
    this.#options.clock.after(STUCK_MS, () => {
      this.#looksAgain = false
      this.adjust()
    })
  }

  /** Whether the partition takes nothing in, because it has its share. */
  #waitsForShare({ partition, bufferedBytes }: PartitionSession): boolean {
    const { memory, pauses } = this.#options
    const share = memory.shareBytes
    if (bufferedBytes >= share) pauses.pause([partition], 'share')
    else if (bufferedBytes <= share / 2) pauses.resume([partition], 'share')
    return pauses.reasons(partition).includes('share')
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

  /** At least half of what is open, and until the rest is below the low-water mark: else it would not end the pause. */
  #cutLargest(): void {
    const { memory, sessions, cutter, onFault } = this.#options
    const open = [...sessions()].filter((session) => session.open.rows > 0 && !isFailing(session))
    open.sort((a, b) => b.open.bytes - a.open.bytes)
    let openBytes = open.reduce((sum, session) => sum + session.open.bytes, 0)
    const enough = Math.min(memory.lowBytes, openBytes / 2)
    for (const session of open) {
      if (openBytes <= enough) return
      openBytes -= session.open.bytes
      cutter.cut(session, 'memory').catch((error: unknown) => onFault(session, error))
    }
  }

  #large(): PartitionRef[] {
    return [...this.#options.sessions()].flatMap(({ partition, isSmall }) => (isSmall ? [] : [partition]))
  }

  #partitions(): PartitionRef[] {
    return [...this.#options.sessions()].map(({ partition }) => partition)
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

import type { MemoryBudget } from '../intake/memory-budget.ts'
import type { PartitionSession } from '../partition-session.ts'
import type { Cutter } from './cutter.ts'
import type { DeliveryLane } from './delivery-lane.ts'

export interface EarlyFlushOptions {
  readonly lane: Pick<DeliveryLane, 'hasRoom' | 'isIdle'>
  readonly cutter: Pick<Cutter, 'cut'>
  readonly memory: Pick<MemoryBudget, 'reachableBytes'>
  /** So many open bytes are worth a delivery beside another one. */
  readonly earlyFlushBytes: number
  /** So many while the sink has nothing to do. */
  readonly idleFlushBytes: number
  readonly sessions: () => Iterable<PartitionSession>
  readonly onFault: (session: PartitionSession, error: unknown) => void
}

/**
 * While a sink has nothing to do, ranges need not fill up or grow old: what is open is cut as soon as it is worth a
 * delivery. A worker that catches up so finds its own batch size, as much as came during the delivery before. Where
 * memory is short, what can still be reached is worth one: nothing else cuts a partition that has its share.
 */
export class EarlyFlush {
  readonly #options: EarlyFlushOptions

  constructor(options: EarlyFlushOptions) {
    this.#options = options
  }

  get isOn(): boolean {
    const { earlyFlushBytes, idleFlushBytes } = this.#options
    return Math.min(earlyFlushBytes, idleFlushBytes) < Number.POSITIVE_INFINITY
  }

  /** Call after records were taken in and after a delivery has ended. */
  consider(): void {
    const { lane, cutter, memory, earlyFlushBytes, idleFlushBytes, sessions, onFault } = this.#options
    if (!this.isOn || !lane.hasRoom) return
    const open = [...sessions()].filter(
      ({ open, delivering, recovering }) => open.rows > 0 && !delivering && !recovering,
    )
    const enough = lane.isIdle ? idleFlushBytes : earlyFlushBytes
    const openBytes = open.reduce((sum, session) => sum + session.open.bytes, 0)
    if (openBytes < Math.min(enough, memory.reachableBytes(openBytes))) return
    for (const session of open)
      cutter.cut(session, 'early').catch((error: unknown) => onFault(session, error))
  }
}

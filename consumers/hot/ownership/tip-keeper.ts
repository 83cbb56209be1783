import type { Clock } from '../../../runtime/clock.ts'
import type { HotClaim } from './claim.ts'
import type { Fence } from './fence.ts'

/**
 * Records the tips of claims in the fence, once a day and at the end: an event's row expires, and with it what it
 * says of the tip. Failing is harmless, the next round tries again.
 */
export interface TipKeeper {
  /** From now on, in place of an earlier claim of the same partition. */
  watch(claim: HotClaim): void
  close(): Promise<void>
}

const ROUND_MS = 86_400_000

export function createTipKeeper(o: { readonly fence: Fence; readonly clock: Clock }): TipKeeper {
  const claims = new Map<string, HotClaim>()
  let cancel = o.clock.after(ROUND_MS, round)

  async function record(): Promise<void> {
    const moved = [...claims.values()].flatMap((claim) => {
      const row = claim.unrecordedTip
      return row === null ? [] : [{ claim, row }]
    })
    if (moved.length === 0) return
    await o.fence.record(moved.map(({ row }) => row))
    for (const { claim, row } of moved) claim.tipRecorded(row.tip)
  }

  function round(): void {
    cancel = o.clock.after(ROUND_MS, round)
    record().catch(() => {})
  }

  return {
    watch: (claim) => void claims.set(`${claim.partition.topicId}/${claim.partition.partition}`, claim),
    close: async () => {
      cancel()
      await record().catch(() => {})
    },
  }
}

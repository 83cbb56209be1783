import { lastObject } from '../../consumers/cold/stored-objects.ts'
import { type PartitionRef, partitionKey } from '../../consumers/engine/contracts.ts'
import type { HotStore } from '../../consumers/hot/clickhouse/store.ts'
import { createFence } from '../../consumers/hot/ownership/fence.ts'
import { readTip } from '../../consumers/hot/ownership/tip.ts'
import type { OpenCluster } from '../../consumers/kafka/client/open-cluster.ts'
import { GROUPS, type GroupName } from '../../consumers/kafka/group/group-ids.ts'
import { allEnded } from '../../runtime/all-ended.ts'
import { systemClock } from '../../runtime/clock.ts'
import type { ObjectStore } from '../../runtime/object-store/contract.ts'
import { readObjectHeader } from '../../schemas/archive/object.ts'

/** Where one worker group and its store are in one partition. */
export interface Position {
  readonly group: string
  readonly topic: string
  readonly topicId: string
  readonly partition: number
  readonly logStart: bigint
  readonly logEnd: bigint
  /** A hint for the group; null: none. */
  readonly committed: bigint | null
  /** Records of the log that are not committed. */
  readonly lag: bigint
  /** The last offset that the store holds or has accounted for; null: nothing, or the store was not asked. */
  readonly tip: bigint | null
  /** Offsets that the log no longer has and that were not delivered, both included; null: none, as far as is known. */
  readonly lost: { readonly first: bigint; readonly last: bigint } | null
}

/** Tips by `partitionKey`; a partition that the store does not know has null. */
export type Tips = ReadonlyMap<string, bigint | null>

export async function readPositions(
  { view }: OpenCluster,
  refs: readonly PartitionRef[],
  tips: Readonly<Record<GroupName, Tips>>,
): Promise<readonly Position[]> {
  const bounds = await view.bounds(refs)
  const positions: Position[] = []
  for (const name of ['hot', 'cold'] as const) {
    const committedBy = await view.committed(GROUPS[name], refs)
    for (const ref of refs) {
      const key = partitionKey(ref)
      const { logStart, logEnd } = bounds.get(key) ?? { logStart: 0n, logEnd: 0n }
      const committed = committedBy.get(key) ?? null
      const from = committed === null || committed < logStart ? logStart : committed
      const lag = logEnd > from ? logEnd - from : 0n
      const tip = tips[name].get(key)
      positions.push({
        group: GROUPS[name],
        ...ref,
        ...{ logStart, logEnd, committed, lag },
        tip: tip ?? null,
        lost: lostBefore(logStart, tip, committed),
      })
    }
  }
  return positions
}

/**
 * A worker goes on behind its store's tip, so what lies between the tip and the log's start is lost to it. The committed
 * offset, which may be anybody's, decides only where the store was not asked (`tip` undefined).
 */
export function lostBefore(
  logStart: bigint,
  tip: bigint | null | undefined,
  committed: bigint | null,
): Position['lost'] {
  const wanted = tip === undefined ? committed : (tip ?? -1n) + 1n
  return wanted === null || wanted >= logStart ? null : { first: wanted, last: logStart - 1n }
}

export async function hotTips(
  store: HotStore,
  refs: readonly PartitionRef[],
  signal: AbortSignal,
): Promise<Tips> {
  const states = await createFence({ store, clock: systemClock }).read(refs, signal)
  const tips = refs.map(async (ref, index): Promise<[string, bigint | null]> => {
    const { last } = await readTip(store, ref, states[index]?.tip ?? -1n, signal)
    return [partitionKey(ref), last]
  })
  return new Map(await allEnded(tips))
}

/** Reads the header of each partition's last object. It is not verified here; the worker does that. */
export async function coldTips(
  store: ObjectStore,
  refs: readonly PartitionRef[],
  signal: AbortSignal,
): Promise<Tips> {
  const tips = refs.map(async (ref): Promise<[string, bigint | null]> => {
    const stored = await lastObject({ store }, ref, { after: null, signal })
    const [oldest] = stored?.versions ?? []
    if (stored === null || oldest === undefined) return [partitionKey(ref), null]
    const bytes = await store.read({ key: stored.key, versionId: oldest.versionId }, signal)
    return [partitionKey(ref), readObjectHeader(bytes).header.last]
  })
  return new Map(await allEnded(tips))
}

import { DaybookError } from '../../schemas/errors.ts'
import type { PartitionRef } from '../engine/contracts.ts'
import { identifier, quote } from './quote.ts'
import { partitionsIn } from './statements.ts'
import type { HotStore } from './store.ts'

/** Who may write a partition, as the fence says. */
export interface FenceState {
  readonly epoch: bigint
  readonly owner: string
  /** The greatest tip that any row recorded; -1: none. A fact whoever wrote it: offsets up to it are dealt with. */
  readonly tip: bigint
}

export interface FenceRow extends FenceState {
  readonly partition: PartitionRef
}

const NOBODY: FenceState = { epoch: 0n, owner: '', tip: -1n }
/** Two claimants may meet again and again only if they are many; more rounds than this mean a fault. */
const MAX_ROUNDS = 50

/** The table `fence`: append-only; the owner of the greatest (epoch, owner) is the current one. */
export interface Fence {
  read(partitions: readonly PartitionRef[], signal?: AbortSignal): Promise<FenceState[]>
  /** Becomes the current owner, above whoever is. Another claimant may be current again when this returns. */
  take(partition: PartitionRef, owner: string, tip: bigint, signal: AbortSignal): Promise<FenceState>
  /** One try above `from`, for an owner that must not take the partition back from another. Null: another is current. */
  renew(
    partition: PartitionRef,
    from: FenceState,
    owner: string,
    signal?: AbortSignal,
  ): Promise<FenceState | null>
  /** Whether a process other than `processId` holds any partition of any topic. */
  hasOthers(processId: string, signal?: AbortSignal): Promise<boolean>
  /** Records tips; neither takes nor needs ownership. */
  record(rows: readonly FenceRow[]): Promise<void>
}

export function createFence(o: { readonly store: HotStore; readonly now: () => number }): Fence {
  const { store } = o
  const table = `${identifier(store.database)}.fence`

  async function read(partitions: readonly PartitionRef[], signal?: AbortSignal): Promise<FenceState[]> {
    const rows = await store.rows<{ id: string; p: number; e: string; o: string; t: string }>(
      `SELECT topic_id::String AS id, partition AS p, toString(max(epoch)) AS e, argMax(owner,(epoch,owner)) AS o, toString(max(tip)) AS t FROM ${table} WHERE ${partitionsIn(partitions)} GROUP BY topic_id, partition`,
      signal === undefined ? {} : { signal },
    )
    const found = new Map(
      rows.map((row) => [`${row.id}/${row.p}`, { epoch: BigInt(row.e), owner: row.o, tip: BigInt(row.t) }]),
    )
    return partitions.map((ref) => found.get(`${ref.topicId}/${ref.partition}`) ?? NOBODY)
  }

  async function write(rows: readonly FenceRow[], signal?: AbortSignal): Promise<void> {
    const at = o.now()
    await store.append(
      'fence',
      rows.map(({ partition: ref, epoch, owner, tip }) => ({
        topic_id: ref.topicId,
        topic: ref.topic,
        partition: ref.partition,
        epoch: String(epoch),
        owner,
        tip: String(tip),
        at: at,
      })),
      signal,
    )
  }

  /** Writes the next epoch and looks who won it. */
  async function bid(
    partition: PartitionRef,
    from: FenceState,
    owner: string,
    signal?: AbortSignal,
  ): Promise<FenceState> {
    await write([{ partition, epoch: from.epoch + 1n, owner, tip: from.tip }], signal)
    const [state = NOBODY] = await read([partition], signal)
    return state
  }

  return {
    read,
    take: async (partition, owner, tip, signal) => {
      let [state = NOBODY] = await read([partition], signal)
      for (let round = 0; round < MAX_ROUNDS; round++) {
        const from = { ...state, tip: tip > state.tip ? tip : state.tip }
        state = await bid(partition, from, owner, signal)
        if (state.owner === owner) return state
      }
      throw new DaybookError(
        'DAYBOOK_HOT_FENCE_CONTENDED',
        `Partition ${quote(partition.topic)}/${partition.partition} was claimed by others ${MAX_ROUNDS} times in a row. Check that workers do not share more than one group.`,
        { retryable: true, details: { topic: partition.topic, partition: partition.partition } },
      )
    },
    renew: async (partition, from, owner, signal) => {
      const state = await bid(partition, from, owner, signal)
      return state.owner === owner ? state : null
    },
    hasOthers: async (processId, signal) => {
      const rows = await store.rows<{ n: string }>(
        `SELECT toString(countIf(NOT startsWith(current, ${quote(`${processId}.`)}))) AS n FROM (SELECT argMax(owner,(epoch,owner)) AS current FROM ${table} GROUP BY topic_id, partition)`,
        signal === undefined ? {} : { signal },
      )
      return rows[0]?.n !== '0'
    },
    record: (rows) => write(rows),
  }
}

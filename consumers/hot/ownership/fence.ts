import type { Clock } from '../../../runtime/clock.ts'
import { DaybookError } from '../../../schemas/errors.ts'
import type { PartitionRef } from '../../engine/contracts.ts'
import { hotFault } from '../clickhouse/fault.ts'
import { QueryBatcher } from '../clickhouse/query-batcher.ts'
import { identifier, quote } from '../clickhouse/quote.ts'
import type { HotStore } from '../clickhouse/store.ts'
import { partitionsIn } from '../insert/insert-statement.ts'

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

/** No row yet. */
export const NOBODY: FenceState = { epoch: 0n, owner: '', tip: -1n }
/**
 * How often one `take` writes a row. Two claimants may write at the same moment by chance; after pauses of different
 * length they no longer do. Each row stays for ever, and a partition that cannot be taken is tried again and again.
 */
const MAX_ROUNDS = 3
/** The longest pause before the second round, doubled before the third; each is a random share of it. */
const ROUND_PAUSE_MS = 200
/** The column holds no greater epoch. */
const LAST_EPOCH = 2n ** 64n - 1n

/** The table `fence`: append-only; the owner of the greatest (epoch, owner) is the current one. */
export interface Fence {
  read(partitions: readonly PartitionRef[], signal?: AbortSignal): Promise<FenceState[]>
  /**
   * Becomes the current owner, above `from` and whoever came since. Another claimant may be current again when this
   * returns.
   * @throws DaybookError DAYBOOK_HOT_FENCE_CONTENDED after a few rounds that others won
   */
  take(partition: PartitionRef, from: FenceState, owner: string, signal: AbortSignal): Promise<FenceState>
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

export function createFence({ store, clock }: FenceOptions): Fence {
  const now = () => clock.now()
  const write = async (rows: readonly FenceRow[]) => {
    await append(store, rows, now())
    return rows.map(() => undefined)
  }
  const table = { store, clock, bids: new QueryBatcher(write) }
  return {
    read: (partitions, signal) => read(store, partitions, signal),
    take: (partition, from, owner, signal) => take(table, { partition, from, owner, signal }),
    renew: async (partition, from, owner, signal) => {
      const state = await bid(table, { partition, from, owner, signal })
      return state.owner === owner ? state : null
    },
    hasOthers: (processId, signal) => hasOthers(store, processId, signal),
    record: (rows) => append(store, rows, now()),
  }
}

interface FenceOptions {
  readonly store: HotStore
  readonly clock: Clock
}

interface FenceTable {
  readonly store: HotStore
  readonly clock: Clock
  readonly bids: QueryBatcher<FenceRow, undefined>
}

interface Bid {
  readonly partition: PartitionRef
  readonly from: FenceState
  readonly owner: string
  readonly signal: AbortSignal | undefined
}

async function read(
  store: HotStore,
  partitions: readonly PartitionRef[],
  signal?: AbortSignal,
): Promise<FenceState[]> {
  const rows = await store.rows<{ id: string; p: number; e: string; o: string; t: string }>(
    `SELECT topic_id::String AS id, partition AS p, toString(max(epoch)) AS e, argMax(owner,(epoch,owner)) AS o, toString(max(tip)) AS t FROM ${table(store)} WHERE ${partitionsIn(partitions)} GROUP BY topic_id, partition`,
    { batch: 'fence', signal },
  )
  const found = new Map(
    rows.map((row) => [`${row.id}/${row.p}`, { epoch: BigInt(row.e), owner: row.o, tip: BigInt(row.t) }]),
  )
  return partitions.map((ref) => found.get(`${ref.topicId}/${ref.partition}`) ?? NOBODY)
}

async function append(store: HotStore, rows: readonly FenceRow[], at: number): Promise<void> {
  const values = rows.map(({ partition: ref, epoch, owner, tip }) => ({
    ...{ topic_id: ref.topicId, topic: ref.topic, partition: ref.partition, owner, at },
    epoch: String(epoch),
    tip: String(tip),
  }))
  await store.append('fence', values)
}

/** Writes the next epoch and looks who won it. */
async function bid(o: FenceTable, { partition, from, owner, signal }: Bid): Promise<FenceState> {
  const row = { partition, epoch: from.epoch + 1n, owner, tip: from.tip }
  await o.bids.call('', row, signal).catch((error: unknown) => {
    throw hotFault(error)
  })
  const [state = NOBODY] = await read(o.store, [partition], signal)
  return state
}

async function take(o: FenceTable, claim: Bid): Promise<FenceState> {
  const { partition, owner } = claim
  let { from } = claim
  for (let round = 0; round < MAX_ROUNDS && from.epoch < LAST_EPOCH; round++) {
    if (round > 0) await o.clock.sleep(pauseMs(round), claim.signal)
    const state = await bid(o, { ...claim, from })
    if (state.owner === owner) return state
    from = claim.from.tip > state.tip ? { ...state, tip: claim.from.tip } : state
  }
  throw contended(partition, from)
}

function pauseMs(round: number): number {
  return ROUND_PAUSE_MS * 2 ** (round - 1) * Math.random()
}

function contended({ topic, partition }: PartitionRef, { epoch }: FenceState): DaybookError {
  return new DaybookError(
    'DAYBOOK_HOT_FENCE_CONTENDED',
    `Partition ${topic}/${partition} was claimed by others in each of ${MAX_ROUNDS} rounds, or its epoch (${epoch}) cannot grow. It is tried again. Check that all hot workers are of one group, and who writes the table fence.`,
    { retryable: true, details: { topic, partition, epoch } },
  )
}

async function hasOthers(store: HotStore, processId: string, signal?: AbortSignal): Promise<boolean> {
  const rows = await store.rows<{ n: string }>(
    `SELECT toString(countIf(NOT startsWith(current, ${quote(`${processId}.`)}))) AS n FROM (SELECT argMax(owner,(epoch,owner)) AS current FROM ${table(store)} GROUP BY topic_id, partition)`,
    { signal },
  )
  return rows[0]?.n !== '0'
}

function table(store: HotStore): string {
  return `${identifier(store.database)}.fence`
}

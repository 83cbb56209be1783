import type { Admin } from 'kafkajs'
import { type PartitionRef, partitionKey } from '../../../consumers/engine/contracts.ts'
import { ask } from '../faults/verify/read-clickhouse.ts'
import type { GoodEvent } from './good-traffic.ts'

const POLL_MS = 100

/** Sees when events arrive in the hot store, and when the cold worker has committed them as archived. */
export interface DelayWatch {
  /**
   * Milliseconds from acknowledged to arrived, of those of `events` that have arrived in both stores; the later one, or
   * the one of `store`.
   */
  delays(events: readonly GoodEvent[], store?: 'hot' | 'cold'): number[]
  /** The last offset that has arrived, by `partitionKey`. */
  arrived(store: 'hot' | 'cold'): ReadonlyMap<string, bigint>
  stop(): Promise<void>
}

/** When each position was first seen to be reached, in order. */
type Steps = { readonly through: bigint; readonly at: number }[]

export function startDelayWatch(o: {
  readonly clickhouseUrl: string
  readonly admin: Admin
  readonly partitions: () => readonly PartitionRef[]
}): DelayWatch {
  const seen = { hot: new Map<string, Steps>(), cold: new Map<string, Steps>() }
  const stopping = new AbortController()
  const note = (store: 'hot' | 'cold', key: string, through: bigint) => {
    const steps = seen[store].get(key) ?? []
    seen[store].set(key, steps)
    const last = steps.at(-1)
    if (last === undefined || through > last.through) steps.push({ through, at: Date.now() })
  }

  async function lookHot(): Promise<void> {
    const ids = [...new Set(o.partitions().map(({ topicId }) => `'${topicId}'`))].join(',')
    const rows = await ask<{ t: string; p: number; o: string }>(
      { url: o.clickhouseUrl },
      `SELECT toString(_topic_id) AS t, _partition AS p, max(_offset) AS o FROM daybook.events WHERE _topic_id IN (${ids}) GROUP BY t, p`,
    )
    for (const row of rows) note('hot', `${row.t}/${row.p}`, BigInt(row.o))
  }

  async function lookCold(): Promise<void> {
    const refs = o.partitions()
    // Of all topics: asked for by name, one that is deleted would hide the others.
    for (const { topic, partitions } of await o.admin.fetchOffsets({ groupId: 'daybook-cold' })) {
      for (const { partition, offset } of partitions) {
        const ref = refs.find((one) => one.topic === topic && one.partition === partition)
        if (ref !== undefined && BigInt(offset) > 0n) note('cold', partitionKey(ref), BigInt(offset) - 1n)
      }
    }
  }

  const watching = (async () => {
    while (!stopping.signal.aborted) {
      await Promise.all([lookHot().catch(() => undefined), lookCold().catch(() => undefined)])
      await new Promise((resolve) => setTimeout(resolve, POLL_MS))
    }
  })()
  const arrivedAt = (store: 'hot' | 'cold', { partition, offset }: GoodEvent) =>
    seen[store].get(partitionKey(partition))?.find(({ through }) => through >= offset)?.at
  return {
    delays: (events, store) =>
      events.flatMap((event) => {
        const at = { hot: arrivedAt('hot', event), cold: arrivedAt('cold', event) }
        if (at.hot === undefined || at.cold === undefined) return []
        return [(store === undefined ? Math.max(at.hot, at.cold) : (at[store] ?? 0)) - event.ackedAt]
      }),
    arrived: (store) => new Map([...seen[store]].map(([key, steps]) => [key, steps.at(-1)?.through ?? -1n])),
    stop: async () => {
      stopping.abort()
      await watching
    },
  }
}

export function percentile(values: readonly number[], share: number): number | null {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? null
}

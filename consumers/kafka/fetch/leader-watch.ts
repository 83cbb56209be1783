import { backoffMs } from '../../../runtime/backoff.ts'
import type { Clock } from '../../../runtime/clock.ts'
import { DEFAULT_RETRY } from '../../../runtime/retry.ts'
import { type PartitionRef, partitionKey } from '../../engine/contracts.ts'
import type { ClusterView } from '../client/cluster-view.ts'
import type { ClusterMetadata } from '../protocol/metadata-request.ts'

export interface LeaderWatchOptions {
  readonly view: Pick<ClusterView, 'metadata'>
  readonly clock: Clock
  readonly refs: readonly PartitionRef[]
  readonly everyMs: number
  readonly signal: AbortSignal
  /** By `partitionKey`: node id of the leader; -1 where there is none just now, or no such topic any more. */
  readonly onLeaders: (leaders: ReadonlyMap<string, number>) => void
}

export interface LeaderWatch {
  /** Asks now; calls that come while one is under way share it. Never rejects. */
  checkNow(): Promise<void>
}

/** Follows the leaders of partitions until `signal` aborts. A cluster that does not answer is asked again. */
export function watchLeaders(options: LeaderWatchOptions): LeaderWatch {
  const { clock, signal, view, refs } = options
  const topics = [...new Set(refs.map(({ topic }) => topic))]
  const state: { running: Promise<void> | null; failures: number } = { running: null, failures: 0 }
  const check = async (): Promise<void> => {
    try {
      options.onLeaders(leadersIn(await view.metadata(topics), refs))
      state.failures = 0
    } catch {
      state.failures += 1
    }
  }
  const checkNow = (): Promise<void> => {
    if (signal.aborted || topics.length === 0) return Promise.resolve()
    state.running ??= check().finally(() => {
      state.running = null
    })
    return state.running
  }
  const loop = async (): Promise<void> => {
    while (!signal.aborted) {
      await checkNow()
      const waitMs = state.failures === 0 ? options.everyMs : backoffMs(state.failures, DEFAULT_RETRY)
      await clock.sleep(waitMs, signal)
    }
  }
  void loop()
  return { checkNow }
}

function leadersIn(metadata: ClusterMetadata, refs: readonly PartitionRef[]): ReadonlyMap<string, number> {
  const known = new Set(metadata.brokers.map(({ nodeId }) => nodeId))
  const leaders = new Map<string, number>()
  for (const ref of refs) {
    const topic = metadata.topics.find(({ topicId }) => topicId === ref.topicId)
    const leader = topic?.partitions.find(({ partition }) => partition === ref.partition)?.leader ?? -1
    leaders.set(partitionKey(ref), known.has(leader) ? leader : -1)
  }
  return leaders
}

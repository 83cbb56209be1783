import { backoffMs } from '../../../runtime/backoff.ts'
import type { Clock } from '../../../runtime/clock.ts'
import { DEFAULT_RETRY } from '../../../runtime/retry.ts'
import { isRetryable } from '../../../schemas/errors.ts'
import { type PartitionRef, partitionKey } from '../../engine/contracts.ts'
import { clientError } from '../client/broker-errors.ts'
import type { ClusterView } from '../client/cluster-view.ts'
import { requireTopic, topicRecreated } from '../client/topic-metadata.ts'
import type { ClusterMetadata } from '../protocol/metadata-request.ts'

export interface TopicWatchOptions {
  readonly view: ClusterView
  readonly clock: Clock
  readonly refs: readonly PartitionRef[]
  /** A topic that is gone for half as long (metadata takes time to travel) is reported. */
  readonly everyMs: number
  readonly signal: AbortSignal
  /** Leaders by `partitionKey`; -1 where there is none just now. */
  readonly onLeaders: (leaders: ReadonlyMap<string, number>) => void
  readonly onFailure: (error: unknown) => void
}

export interface TopicWatch {
  /** Asks now; calls that come while one is under way share it. Never rejects. */
  checkNow(): Promise<void>
}

/** Follows leaders and topic ids until `signal` aborts. A topic that was made anew is a failure, not a change. */
export function watchTopics(options: TopicWatchOptions): TopicWatch {
  const { clock, signal, onFailure } = options
  const state: { running: Promise<void> | null; failingSince: number | null; failures: number } = {
    running: null,
    failingSince: null,
    failures: 0,
  }
  const check = async (): Promise<void> => {
    try {
      options.onLeaders(await readLeaders(options))
      state.failingSince = null
      state.failures = 0
    } catch (error) {
      const failure = clientError(error, 'topic metadata')
      state.failures += 1
      state.failingSince ??= clock.now()
      const isGone = failure.code === 'DAYBOOK_KAFKA_TOPIC_MISSING'
      const isLasting = isGone && clock.now() - state.failingSince >= options.everyMs / 2
      if (!isRetryable(failure) || isLasting) onFailure(failure)
    }
  }
  const checkNow = (): Promise<void> => {
    if (signal.aborted) return Promise.resolve()
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
  loop().catch(onFailure)
  return { checkNow }
}

async function readLeaders({ view, refs }: TopicWatchOptions): Promise<ReadonlyMap<string, number>> {
  const metadata = await view.metadata([...new Set(refs.map(({ topic }) => topic))])
  for (const ref of refs) assertSameTopic(metadata, ref)
  const known = new Set(metadata.brokers.map(({ nodeId }) => nodeId))
  const leaders = new Map<string, number>()
  for (const ref of refs) {
    const { partitions } = requireTopic(metadata, ref.topic)
    const leader = partitions.find(({ partition }) => partition === ref.partition)?.leader ?? -1
    leaders.set(partitionKey(ref), known.has(leader) ? leader : -1)
  }
  return leaders
}

function assertSameTopic(metadata: ClusterMetadata, { topic, topicId }: PartitionRef): void {
  const now = requireTopic(metadata, topic).topicId
  if (now === topicId) return
  throw topicRecreated(topic, topicId, now)
}

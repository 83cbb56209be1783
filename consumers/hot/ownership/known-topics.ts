import { DaybookError } from '../../../schemas/errors.ts'
import type { PartitionRef } from '../../engine/contracts.ts'
import { QueryBatcher } from '../clickhouse/query-batcher.ts'
import { identifier, quote } from '../clickhouse/quote.ts'
import type { HotStore } from '../clickhouse/store.ts'

/**
 * The first incarnation of a topic is accepted as it is found; another one only when an operator says so.
 * @throws DaybookError DAYBOOK_HOT_TOPIC_RECREATED
 */
export type RequireTopic = (ref: PartitionRef, signal: AbortSignal) => Promise<void>

/** Partitions of one topic that are claimed together share the question, and its answer, whatever that is. */
export function createRequireTopic(store: HotStore, now: () => number): RequireTopic {
  const checks = new QueryBatcher<PartitionRef, { readonly error: unknown }>(async (refs) => {
    const [ref] = refs
    const error = ref === undefined ? null : await requireTopic(store, ref, now).then(ok, failed)
    return refs.map(() => ({ error }))
  })
  return async (ref, signal) => {
    const { error } = await checks.call(`${ref.topic}/${ref.topicId}`, ref, signal)
    if (error !== null) throw error
  }
}

const ok = (): null => null
const failed = (error: unknown): unknown => error

async function requireTopic(store: HotStore, ref: PartitionRef, now: () => number): Promise<void> {
  const rows = await store.rows<{ id: string }>(
    `SELECT topic_id::String AS id FROM ${identifier(store.database)}.topics WHERE topic = ${quote(ref.topic)} ORDER BY at DESC, topic_id LIMIT 1`,
  )
  const known = rows[0]?.id
  if (known === ref.topicId) return
  if (known !== undefined) throw recreated(ref, known)
  await acceptTopic(store, { ref, by: 'worker', reason: 'first seen', at: now() })
}

/** Lets workers write this incarnation of the topic from now on. */
export async function acceptTopic(
  store: HotStore,
  o: {
    readonly ref: Pick<PartitionRef, 'topic' | 'topicId'>
    readonly by: string
    readonly reason: string
    readonly at: number
  },
  signal?: AbortSignal,
): Promise<void> {
  const row = { topic: o.ref.topic, topic_id: o.ref.topicId, by: o.by, reason: o.reason, at: o.at }
  await store.append('topics', [row], signal)
}

function recreated(ref: PartitionRef, known: string): DaybookError {
  return new DaybookError(
    'DAYBOOK_HOT_TOPIC_RECREATED',
    `Topic ${ref.topic} has the id ${ref.topicId}, but the hot store holds events of ${known}: the topic was deleted and made again. If that was meant, run \`daybook offsets accept-topic --topic ${ref.topic} --reason …\`.`,
    { details: { topic: ref.topic, topicId: ref.topicId, knownTopicId: known } },
  )
}

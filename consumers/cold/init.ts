import { initKey, topicPrefix } from '../../schemas/archive/key.ts'
import { DaybookError } from '../../schemas/errors.ts'
import type { PartitionRef } from '../engine/contracts.ts'
import type { ColdContext } from './options.ts'
import { openStatement, signStatement } from './statements.ts'
import { readOldest, storedKey } from './stored-objects.ts'
import { contradicted } from './verified-object.ts'

const TITLE = 'daybook-init/v1'

export type InitOutcome =
  | { readonly kind: 'initialised'; readonly key: string }
  | { readonly kind: 'already'; readonly key: string }

export interface InitRequest {
  readonly partition: PartitionRef
  /** Why, in one line; kept in the object. */
  readonly reason: string
  /**
   * The archive of a topic of the same name that existed before is left behind for good. Needed where the archive
   * knows the name under another topic id.
   */
  readonly acceptRecreated?: boolean
}

/**
 * Starts a partition's tree at size 0: writes the signed, locked init object. Without one no worker archives the
 * partition. When this returns, the object is durable; a second call finds it.
 * @throws DaybookError DAYBOOK_COLD_TOPIC_RECREATED, DAYBOOK_COLD_CONTRADICTED, DAYBOOK_S3_…
 */
export async function initArchive(
  context: ColdContext,
  request: InitRequest,
  signal?: AbortSignal,
): Promise<InitOutcome> {
  const { partition } = request
  const key = initKey(partition)
  if (await isInitialised(context, partition, signal)) return { kind: 'already', key }
  const others = await otherTopicIds(context, partition, signal)
  if (others.length > 0 && request.acceptRecreated !== true) throw recreated(partition, others)
  const now = context.clock.now()
  const note = signStatement(context, partition, TITLE, {
    time: new Date(now).toISOString(),
    reason: request.reason,
    ...(others.length === 0 ? {} : { replaces: others.join(',') }),
  })
  const outcome = await context.store.create(
    {
      key,
      pieces: [Buffer.from(note)],
      contentType: 'text/plain; charset=utf-8',
      retainUntil: new Date(now + context.retentionMsOf(partition.topic)),
    },
    signal,
  )
  if (outcome.kind === 'created') return { kind: 'initialised', key }
  if (await isInitialised(context, partition, signal)) return { kind: 'already', key }
  throw new DaybookError('DAYBOOK_S3_UNAVAILABLE', `Another writer is at ${key}.`, { retryable: true })
}

/** @throws DaybookError DAYBOOK_COLD_CONTRADICTED when there is an init object that no trusted key has signed. */
async function isInitialised(
  context: ColdContext,
  partition: PartitionRef,
  signal?: AbortSignal,
): Promise<boolean> {
  const stored = await storedKey(context, initKey(partition), signal)
  if (stored === null) return false
  const note = (await readOldest(context, stored, signal)).toString('utf8')
  if (openStatement(context, partition, TITLE, note) === null) {
    throw contradicted(stored.key, 'no trusted key has signed it for this partition')
  }
  return true
}

/** @throws DaybookError where the tree of this partition was not started. */
export async function requireInit(
  context: ColdContext,
  partition: PartitionRef,
  signal?: AbortSignal,
): Promise<void> {
  if (await isInitialised(context, partition, signal)) return
  const others = await otherTopicIds(context, partition, signal)
  if (others.length > 0) throw recreated(partition, others)
  const { topic, topicId } = partition
  throw new DaybookError(
    'DAYBOOK_COLD_NOT_INITIALISED',
    `The archive of topic ${topic} (id ${topicId}), partition ${partition.partition}, was never started. If this topic is to be archived from its beginning, run \`daybook archive init --topic ${topic}\`.`,
    { details: { topic, topicId, partition: partition.partition } },
  )
}

/** Other incarnations of the topic that the archive holds anything of. */
async function otherTopicIds(
  context: ColdContext,
  partition: PartitionRef,
  signal?: AbortSignal,
): Promise<string[]> {
  const prefix = topicPrefix(partition.topic)
  const ids: string[] = []
  for await (const entry of context.store.list({ prefix, delimiter: '/' }, signal)) {
    if ('group' in entry) ids.push(entry.group.slice(prefix.length, -1))
  }
  return ids.filter((id) => id !== partition.topicId)
}

function recreated(partition: PartitionRef, others: readonly string[]): DaybookError {
  const { topic, topicId } = partition
  return new DaybookError(
    'DAYBOOK_COLD_TOPIC_RECREATED',
    `Topic ${topic} has id ${topicId}, but the archive knows it as ${others.join(', ')}: it was deleted and made again. To archive the new one, run \`daybook archive init --topic ${topic} --accept-recreated\`.`,
    { details: { topic, topicId, known: others.join(',') } },
  )
}

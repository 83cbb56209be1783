import { initKey, minuteOf, topicPrefix } from '../../schemas/archive/key.ts'
import { DaybookError } from '../../schemas/errors.ts'
import type { PartitionRef } from '../engine/contracts.ts'
import type { ColdContext } from './options.ts'
import { openStatement, signStatement } from './statements.ts'
import { readNote, storedKey } from './stored-objects.ts'
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

/** The signed record that a partition's tree was started. */
export interface InitRecord {
  /** When it was made, to the minute, milliseconds since the Unix epoch. */
  readonly minute: number
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
  if ((await readInit(context, partition, signal)) !== null)
    return { kind: 'already', key: initKey(partition) }
  const others = await otherTopicIds(context, partition, signal)
  if (others.length > 0 && request.acceptRecreated !== true) throw recreated(partition, others)
  const replaces: Readonly<Record<string, string>> = others.length === 0 ? {} : { replaces: others.join(',') }
  return writeInit(context, partition, { reason: request.reason, ...replaces }, signal)
}

/**
 * Writes the init record, if there is none yet.
 * @throws DaybookError DAYBOOK_COLD_CONTRADICTED, DAYBOOK_S3_…
 */
export async function writeInit(
  context: ColdContext,
  partition: PartitionRef,
  fields: Readonly<Record<string, string>>,
  signal?: AbortSignal,
): Promise<InitOutcome> {
  const key = initKey(partition)
  const now = context.clock.now()
  const note = signStatement(context, partition, TITLE, { time: new Date(now).toISOString(), ...fields })
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
  if ((await readInit(context, partition, signal)) !== null) return { kind: 'already', key }
  throw new DaybookError('DAYBOOK_S3_UNAVAILABLE', `Another writer is at ${key}.`, { retryable: true })
}

/**
 * The init record of a partition, or null.
 * @throws DaybookError DAYBOOK_COLD_CONTRADICTED when there is an init object that no trusted key has signed.
 */
export async function readInit(
  context: ColdContext,
  partition: PartitionRef,
  signal?: AbortSignal,
): Promise<InitRecord | null> {
  const stored = await storedKey(context, initKey(partition), signal)
  if (stored === null) return null
  const fields = openStatement(context, partition, TITLE, await readNote(context, stored, signal))
  const time = Date.parse(fields?.get('time') ?? '')
  if (fields === null || Number.isNaN(time)) {
    throw contradicted(stored.key, 'no trusted key has signed it for this partition')
  }
  return { minute: minuteOf(time) }
}

/** Other incarnations of the topic that the archive holds anything of. */
export async function otherTopicIds(
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

export function recreated(partition: PartitionRef, others: readonly string[]): DaybookError {
  const { topic, topicId } = partition
  return new DaybookError(
    'DAYBOOK_COLD_TOPIC_RECREATED',
    `Topic ${topic} has id ${topicId}, but the archive knows it as ${others.join(', ')}: it was deleted and made again. To archive the new one, run \`daybook archive init --topic ${topic} --accept-recreated\`.`,
    { details: { topic, topicId, known: others.join(',') } },
  )
}

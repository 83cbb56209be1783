import { acceptKey, acceptPrefix } from '../../schemas/archive/key.ts'
import type { PartitionRef } from '../engine/contracts.ts'
import type { ColdContext } from './options.ts'
import { openStatement, signStatement } from './statements.ts'
import { readOldest } from './stored-objects.ts'
import { contradicted } from './verified-object.ts'

const TITLE = 'daybook-accept-gap/v1'

export interface AcceptedLoss {
  readonly partition: PartitionRef
  /** Offsets `first`..`last`, both included, that Kafka no longer holds and the archive never will. */
  readonly first: bigint
  readonly last: bigint
  /** Why, in one line. */
  readonly reason: string
}

/**
 * Records for good that offsets are lost. The next object lists them as a `lost_accepted` gap.
 * @throws DaybookError DAYBOOK_S3_…
 */
export async function acceptLoss(
  context: ColdContext,
  loss: AcceptedLoss,
  signal?: AbortSignal,
): Promise<'accepted' | 'already'> {
  if (loss.first < 0n || loss.last < loss.first) throw new RangeError('first and last are offsets in order')
  const now = context.clock.now()
  const note = signStatement(context, loss.partition, TITLE, {
    first: String(loss.first),
    last: String(loss.last),
    time: new Date(now).toISOString(),
    reason: loss.reason,
  })
  const outcome = await context.store.create(
    {
      key: acceptKey(loss.partition, loss.first, loss.last),
      pieces: [Buffer.from(`${JSON.stringify({ note })}\n`)],
      contentType: 'application/json',
      retainUntil: new Date(now + context.retentionMsOf(loss.partition.topic)),
    },
    signal,
  )
  return outcome.kind === 'created' ? 'accepted' : 'already'
}

/** Up to which offset losses from `next` on are accepted; null where none is. */
export async function acceptedThrough(
  context: ColdContext,
  partition: PartitionRef,
  next: bigint,
  signal?: AbortSignal,
): Promise<bigint | null> {
  let through: bigint | null = null
  for await (const entry of context.store.list({ prefix: acceptPrefix(partition) }, signal)) {
    if (!('key' in entry) || entry.versions.length === 0) continue
    const match = /\/(\d{20})-(\d{20})\.json$/.exec(entry.key)
    const [first, last] = [BigInt(match?.[1] ?? 0), BigInt(match?.[2] ?? 0)]
    if (match === null || last < next || first > (through ?? next - 1n) + 1n) continue
    const fields = noteFields(context, partition, (await readOldest(context, entry, signal)).toString('utf8'))
    if (fields?.get('first') !== String(first) || fields.get('last') !== String(last)) {
      throw contradicted(entry.key, 'no trusted key has signed this accepted loss')
    }
    if (through === null || last > through) through = last
  }
  return through
}

function noteFields(
  context: ColdContext,
  partition: PartitionRef,
  json: string,
): ReadonlyMap<string, string> | null {
  let body: unknown
  try {
    body = JSON.parse(json)
  } catch {
    return null
  }
  if (typeof body !== 'object' || body === null || !('note' in body) || typeof body.note !== 'string')
    return null
  return openStatement(context, partition, TITLE, body.note)
}

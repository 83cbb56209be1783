import { acceptPrefix } from '../../schemas/archive/key.ts'
import type { PartitionRef } from '../engine/contracts.ts'
import type { ColdContext } from './options.ts'
import { openStatement } from './statements.ts'
import { readNote } from './stored-objects.ts'
import { contradicted } from './verified-object.ts'

/** Of the signed statement that an operator makes (operations/accept-cold-loss.ts). */
export const ACCEPT_GAP_TITLE = 'daybook-accept-gap/v1'

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
    const fields = noteFields(context, partition, await readNote(context, entry, signal))
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
  return openStatement(context, partition, ACCEPT_GAP_TITLE, body.note)
}

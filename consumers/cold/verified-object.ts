import { HASH_BYTES } from '../../proof/crypto.ts'
import { verifyObject } from '../../proof/object.ts'
import type { StoredKey } from '../../runtime/object-store/contract.ts'
import type { ArchiveHeader } from '../../schemas/archive/header.ts'
import { parseObjectKey } from '../../schemas/archive/key.ts'
import { readObject } from '../../schemas/archive/object.ts'
import type { ArchivedRecord } from '../../schemas/archive/row-reader.ts'
import type { RecordKind } from '../../schemas/archive/row-schema.ts'
import { DaybookError } from '../../schemas/errors.ts'
import type { PartitionRef } from '../engine/contracts.ts'
import { type ColdContext, trustedKeys } from './options.ts'
import { readOldest } from './stored-objects.ts'
import type { TreeState } from './tree-state.ts'

export interface VerifiedObject {
  readonly header: ArchiveHeader
  /** Offset of each record, and their leaf hashes, concatenated. */
  readonly offsets: readonly bigint[]
  readonly leaves: Uint8Array
  readonly state: TreeState
}

/**
 * Reads the oldest version of an object and checks it: signed by a trusted key for this partition, under its own
 * name, unaltered, and with the root that follows from its frontier and its records.
 * @throws DaybookError DAYBOOK_COLD_CONTRADICTED when it is not; DAYBOOK_S3_…
 */
export async function readVerified(
  context: ColdContext,
  partition: PartitionRef,
  stored: StoredKey,
  signal?: AbortSignal,
): Promise<VerifiedObject> {
  const bytes = await readOldest(context, stored, signal)
  try {
    return verified(context, partition, stored.key, bytes)
  } catch (cause) {
    if (cause instanceof DaybookError && cause.code.startsWith('DAYBOOK_COLD_')) throw cause
    throw contradicted(stored.key, 'it is not a valid archive object', cause)
  }
}

function verified(context: ColdContext, partition: PartitionRef, key: string, bytes: Buffer): VerifiedObject {
  const object = readObject(bytes)
  const { header } = object
  const offsets: bigint[] = []
  let kind: RecordKind = 'event'
  const noting = function* (): Generator<ArchivedRecord> {
    for (const record of object.records()) {
      offsets.push(record.offset)
      kind = record.kind
      yield record
    }
  }
  const verdict = verifyObject({
    ...object,
    claims: header,
    records: noting(),
    logId: context.logIdOf(partition),
    publicKeys: trustedKeys(context),
    crypto: context.crypto,
  })
  if (!verdict.ok) throw contradicted(key, `${verdict.fault.part}: ${verdict.fault.fault}`)
  const name = parseObjectKey(key)
  const lastOffset = offsets.at(-1)
  if (name === null || lastOffset === undefined || header.key !== key || name.first !== header.first) {
    throw contradicted(key, 'it was written under another name')
  }
  const hash = Buffer.from(verdict.leaves.subarray(verdict.leaves.length - HASH_BYTES))
  const state = {
    last: header.last,
    lastRecord: { offset: lastOffset, hash, kind },
    minute: name.minute,
    frontier: verdict.frontier,
    key,
  }
  return { header, offsets, leaves: verdict.leaves, state }
}

export function contradicted(key: string, what: string, cause?: unknown): DaybookError {
  return new DaybookError(
    'DAYBOOK_COLD_CONTRADICTED',
    `The archive contradicts this worker at ${key}: ${what}. Nothing more is written to this partition. Find out who wrote the object; if it is right, check DAYBOOK_SIGNING_KEY_FILE and the trusted keys.`,
    { details: { key }, cause },
  )
}

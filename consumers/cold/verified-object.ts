import { HASH_BYTES } from '../../proof/crypto.ts'
import { verifyHeader, verifyObject } from '../../proof/object.ts'
import type { StoredKey } from '../../runtime/object-store/contract.ts'
import type { ArchiveHeader } from '../../schemas/archive/header.ts'
import { parseObjectKey } from '../../schemas/archive/key.ts'
import { readObject, readObjectHeader } from '../../schemas/archive/object.ts'
import type { ArchivedRecord } from '../../schemas/archive/row-reader.ts'
import type { RecordKind } from '../../schemas/archive/row-schema.ts'
import { DaybookError } from '../../schemas/errors.ts'
import type { PartitionRef } from '../engine/contracts.ts'
import { type ColdContext, type ColdWriterContext, trustedKeys } from './options.ts'
import { oldestOf } from './stored-objects.ts'
import type { TreeState } from './tree-state.ts'

export interface VerifiedObject {
  readonly header: ArchiveHeader
  /** Offset of each record, and their leaf hashes, concatenated. */
  readonly offsets: readonly bigint[]
  readonly leaves: Uint8Array
  readonly state: TreeState
}

/** Objects up to this size are read at once; of a larger one first so many bytes, which hold the header of any of ours. */
const HEAD_BYTES = 8 * 1024 * 1024

/**
 * Reads the oldest version of an object and checks it: signed by a trusted key for this partition, under its own
 * name, unaltered, and with the root that follows from its frontier and its records.
 * @throws DaybookError DAYBOOK_COLD_CONTRADICTED when it is not; DAYBOOK_COLD_READER_NEWER; DAYBOOK_S3_…
 */
export async function readVerified(
  context: ColdWriterContext,
  partition: PartitionRef,
  stored: StoredKey,
  signal?: AbortSignal,
): Promise<VerifiedObject> {
  const { versionId, sizeBytes } = oldestOf(context, stored)
  const whole = { key: stored.key, versionId }
  const object = await context.reads.run(Math.min(sizeBytes, 2 * HEAD_BYTES), async () => {
    if (sizeBytes > HEAD_BYTES) {
      const head = await context.store.read({ ...whole, maxBytes: HEAD_BYTES }, signal)
      checking(stored.key, () => checkHead(context, partition, { key: stored.key, head, sizeBytes }))
    }
    const bytes = await context.store.read(whole, signal)
    return checking(stored.key, () => verified(context, partition, stored.key, bytes))
  })
  if (object.header.readerVersion > context.readerVersion) throw readerNewer(object.header, context)
  return object
}

/** What cannot be read as an object of ours contradicts. */
function checking<T>(key: string, check: () => T): T {
  try {
    return check()
  } catch (cause) {
    if (cause instanceof DaybookError && cause.code.startsWith('DAYBOOK_COLD_')) throw cause
    throw contradicted(key, 'it is not a valid archive object', cause)
  }
}

/** Nobody but a trusted worker makes us read more than the beginning: anyone can put terabytes under a key. */
function checkHead(
  context: ColdContext,
  partition: PartitionRef,
  o: { readonly key: string; readonly head: Buffer; readonly sizeBytes: number },
): void {
  const head = readObjectHeader(o.head)
  const fault = verifyHeader({
    ...head,
    claims: head.header,
    logId: context.logIdOf(partition),
    publicKeys: trustedKeys(context),
    crypto: context.crypto,
  })
  if (fault !== null) throw contradicted(o.key, `${fault.part}: ${fault.fault}`)
  if (head.container.headerLength + head.header.dataBytes !== o.sizeBytes) {
    throw contradicted(o.key, 'it is not as long as its header says')
  }
}

function verified(
  context: ColdWriterContext,
  partition: PartitionRef,
  key: string,
  bytes: Buffer,
): VerifiedObject {
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
    // Kafka's record at that offset, as another reader version sees it, may be another one.
    lastRecord: header.readerVersion === context.readerVersion ? { offset: lastOffset, hash, kind } : null,
    minute: name.minute,
    quietMinute: name.minute,
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

function readerNewer(header: ArchiveHeader, { readerVersion }: ColdWriterContext): DaybookError {
  const { topic, topicId, partition, key } = header
  return new DaybookError(
    'DAYBOOK_COLD_READER_NEWER',
    `${key} was written by a worker with version ${header.readerVersion} of the byte reader, this one has version ${readerVersion}. Install the newer version of Daybook here too; nothing more is written to this partition by this worker.`,
    { details: { topic, topicId, partition, key, theirs: header.readerVersion, ours: readerVersion } },
  )
}

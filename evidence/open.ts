import { type ObjectFault, verifyHeader, verifyObject } from '../proof/object.ts'
import type { ArchiveHeader } from '../schemas/archive/header.ts'
import { type ReadObject, readObject, readObjectHeader } from '../schemas/archive/object.ts'
import { DaybookError } from '../schemas/errors.ts'
import type { Archive } from './archive.ts'
import type { ListedObject } from './list.ts'

/** Enough for the header of nearly every object; a longer one costs a second request. */
const HEADER_BYTES = 64 * 1024

/** Why an object does not verify. `part` and `fault` are from a closed list, or say that it cannot be read at all. */
export type Alteration = ObjectFault | { readonly part: 'file'; readonly fault: 'MALFORMED' | 'WRONG_NAME' }

export type Opened =
  | { readonly ok: true; readonly object: ReadObject }
  /** `object` is there where it can be read all the same. */
  | { readonly ok: false; readonly alteration: Alteration; readonly object: ReadObject | null }

export type OpenedHeader =
  | { readonly ok: true; readonly header: ArchiveHeader }
  | { readonly ok: false; readonly alteration: Alteration }

/** Reads and verifies an object's header: its signatures, and that it stands under its own name. */
export async function openHeader(
  archive: Archive,
  listed: ListedObject,
  signal?: AbortSignal,
): Promise<OpenedHeader> {
  const o = { key: listed.key, versionId: listed.version.versionId }
  let bytes = await archive.store.read({ ...o, maxBytes: HEADER_BYTES }, signal)
  let head = attempt(() => readObjectHeader(bytes))
  if (head === null && listed.version.sizeBytes > HEADER_BYTES) {
    bytes = await archive.store.read(o, signal)
    head = attempt(() => readObjectHeader(bytes))
  }
  if (head === null) return { ok: false, alteration: { part: 'file', fault: 'MALFORMED' } }
  const { header } = head
  if (!isNamed(header, listed)) return { ok: false, alteration: { part: 'file', fault: 'WRONG_NAME' } }
  const fault = verifyHeader({ ...head, ...archive, claims: header, logId: header.logId })
  return fault === null ? { ok: true, header } : { ok: false, alteration: fault }
}

/** Reads and verifies a whole object. Holds it in memory, as the worker that wrote it did. */
export async function openObject(
  archive: Archive,
  listed: ListedObject,
  signal?: AbortSignal,
): Promise<Opened> {
  const bytes = await archive.store.read({ key: listed.key, versionId: listed.version.versionId }, signal)
  const object = attempt(() => readObject(bytes))
  if (object === null) return { ok: false, alteration: { part: 'file', fault: 'MALFORMED' }, object }
  const { header } = object
  if (!isNamed(header, listed))
    return { ok: false, alteration: { part: 'file', fault: 'WRONG_NAME' }, object }
  const verdict = attempt(() =>
    verifyObject({ ...object, ...archive, claims: header, logId: header.logId, records: object.records() }),
  )
  if (verdict === null) return { ok: false, alteration: { part: 'file', fault: 'MALFORMED' }, object }
  return verdict.ok ? { ok: true, object } : { ok: false, alteration: verdict.fault, object }
}

export function alteredError(key: string, alteration: Alteration): DaybookError {
  return new DaybookError(
    'DAYBOOK_EVIDENCE_ALTERED',
    `${key} is not what a trusted worker wrote (${alteration.part}: ${alteration.fault}). Check that the public keys are complete; if they are, treat the object as evidence of tampering.`,
    { details: { key, part: alteration.part, fault: alteration.fault } },
  )
}

/** The key names topic, topic id, partition and first offset, and the log id ends with the first three. */
function isNamed(header: ArchiveHeader, { key, name }: ListedObject): boolean {
  const { topic, topicId, partition, first } = name
  return (
    header.key === key &&
    header.topic === topic &&
    header.topicId === topicId &&
    header.partition === partition &&
    header.first === first &&
    header.logId.endsWith(`/${topic}/${topicId}/${partition}`)
  )
}

/** Null where the bytes cannot be read as what they should be. */
function attempt<T>(read: () => T): T | null {
  try {
    return read()
  } catch (error) {
    if (error instanceof DaybookError || error instanceof RangeError || error instanceof SyntaxError)
      return null
    throw error
  }
}

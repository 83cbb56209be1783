import type { ArchivedRecord } from '../schemas/archive/row-reader.ts'
import type { Archive } from './archive.ts'
import type { ListedObject } from './list.ts'
import { alteredError, openObject } from './open.ts'

/**
 * The Kafka records of an object in offset order, whatever their kind: key and value byte by byte as Kafka held
 * them; null and empty are different values.
 * @throws DaybookError DAYBOOK_EVIDENCE_ALTERED, DAYBOOK_S3_…
 */
export async function* rebuildRecords(
  archive: Archive,
  listed: ListedObject,
  signal?: AbortSignal,
): AsyncGenerator<ArchivedRecord> {
  const opened = await openObject(archive, listed, signal)
  if (!opened.ok) throw alteredError(listed.key, opened.alteration)
  yield* opened.object.records()
}

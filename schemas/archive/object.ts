import { createHash } from 'node:crypto'
import {
  type ContainerCodec,
  type ContainerHeader,
  encodeContainerHeader,
  readContainerBlocks,
  readContainerHeader,
} from '../container.ts'
import { type ArchiveHeader, headerEntries, NOTE_FIELDS } from './header.ts'
import { readHeaderEntries } from './header-reader.ts'
import { malformedObject } from './malformed.ts'
import { type ArchivedRecord, readRows } from './row-reader.ts'

/**
 * The container's sync marker. It depends on nothing but the range, so that the same range packed by the same
 * compressor gives the same bytes.
 */
export function syncMarker(o: {
  readonly logId: string
  readonly first: bigint
  readonly last: bigint
}): Buffer {
  return createHash('sha256')
    .update(`daybook-sync/v1\n${o.logId}\n${o.first}\n${o.last}\n`)
    .digest()
    .subarray(0, 16)
}

/** Every entry of the metadata that the object note covers, in the order of the file. */
export function signedEntries(o: {
  readonly header: ArchiveHeader
  readonly schemaJson: string
  readonly codec: ContainerCodec
}): ReadonlyMap<string, Buffer> {
  const entries = { 'avro.schema': o.schemaJson, 'avro.codec': o.codec, ...headerEntries(o.header) }
  return new Map(Object.entries(entries).map(([name, value]) => [name, Buffer.from(value)]))
}

/** The bytes that stand before the blocks. */
export function encodeObjectHeader(o: {
  readonly header: ArchiveHeader
  readonly schemaJson: string
  readonly codec: ContainerCodec
  readonly sync: Buffer
  readonly checkpointNote: string
  readonly objectNote: string
}): Buffer {
  return encodeContainerHeader({
    schemaJson: o.schemaJson,
    codec: o.codec,
    sync: o.sync,
    meta: {
      ...headerEntries(o.header),
      [NOTE_FIELDS.checkpoint]: o.checkpointNote,
      [NOTE_FIELDS.object]: o.objectNote,
    },
  })
}

/** An object as it was read. Nothing of it is verified yet (`proof/object.ts`). */
export interface ReadObject {
  readonly header: ArchiveHeader
  /** All entries of the metadata but the two notes. */
  readonly signed: ReadonlyMap<string, Buffer>
  readonly checkpointNote: string
  readonly objectNote: string
  /** Everything behind the container's header. */
  readonly data: Buffer
  readonly container: ContainerHeader
  /** The Kafka records, in offset order. @throws DaybookError while iterating, when the data is malformed. */
  records(): Generator<ArchivedRecord>
}

/** Reads the header out of the beginning of an object. @throws DaybookError when it is malformed or cut. */
export function readObjectHeader(bytes: Buffer): Omit<ReadObject, 'data' | 'records'> {
  const container = readContainerHeader(bytes)
  const signed = new Map(container.meta)
  const note = (name: string): string => {
    const value = signed.get(name)
    signed.delete(name)
    if (value === undefined) throw malformedObject(`header entry ${name} is missing`)
    return value.toString('utf8')
  }
  const [checkpointNote, objectNote] = [note(NOTE_FIELDS.checkpoint), note(NOTE_FIELDS.object)]
  return { header: readHeaderEntries(container.meta), signed, checkpointNote, objectNote, container }
}

/** @throws DaybookError when the header is malformed. */
export function readObject(bytes: Buffer): ReadObject {
  const head = readObjectHeader(bytes)
  const schemaId = head.header.schema?.id ?? null
  return {
    ...head,
    data: bytes.subarray(head.container.headerLength),
    *records() {
      for (const block of readContainerBlocks(bytes, head.container)) yield* readRows(block, schemaId)
    },
  }
}

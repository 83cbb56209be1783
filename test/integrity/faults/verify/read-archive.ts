import { inflateRawSync, zstdDecompressSync } from 'node:zlib'
import {
  GetObjectCommand,
  ListObjectsV2Command,
  ListObjectVersionsCommand,
  type S3Client,
} from '@aws-sdk/client-s3'
import avro from 'avsc'
import type { ArchivedObject, ArchivedRecord } from './compare.ts'
import { MerkleTree } from './merkle.ts'

/** Reads archive objects by the published format (docs/formats) and avsc alone, apart from the product's readers. */

export interface ArchiveReading {
  readonly objects: readonly ArchivedObject[]
  /** Sentences: roots that are not those of the leaves, keys with more than one version. */
  readonly faults: readonly string[]
}

/** A map of bytes as the array of its entries, which has the same bytes: avsc's own maps lose the key `__proto__`. */
const META = avro.Type.forSchema({
  type: 'array',
  items: {
    type: 'record',
    name: 'Entry',
    fields: [
      { name: 'key', type: 'string' },
      { name: 'value', type: 'bytes' },
    ],
  },
})
const LONG = avro.Type.forSchema('long')
const SYNC_BYTES = 16

/** All objects of one partition; `prefix` ends with a slash. */
export async function readArchive(s3: S3Client, bucket: string, prefix: string): Promise<ArchiveReading> {
  const keys = (await listKeys(s3, bucket, prefix)).filter((key) => key.endsWith('.avro'))
  const objects: ArchivedObject[] = []
  const faults = await versionFaults(s3, bucket, prefix)
  const tree = new MerkleTree()
  for (const key of keys) {
    const answer = await s3.send(new GetObjectCommand({ Bucket: bucket, Key: key }))
    const bytes = Buffer.from((await answer.Body?.transformToByteArray()) ?? [])
    const { object, meta } = readObject(key, bytes)
    objects.push(object)
    for (const record of object.records) tree.add(preimage(text(meta, 'daybook.log'), record))
    if (tree.root().toString('base64') !== text(meta, 'daybook.root'))
      faults.push(`${key}: its root is not that of its leaves and all before`)
  }
  return { objects, faults }
}

/** The last offset of the newest object, by its own header; null where there is none. */
export async function archivedThrough(s3: S3Client, bucket: string, prefix: string): Promise<bigint | null> {
  const key = (await listKeys(s3, bucket, prefix)).filter((name) => name.endsWith('.avro')).at(-1)
  if (key === undefined) return null
  const answer = await s3.send(new GetObjectCommand({ Bucket: bucket, Key: key }))
  const bytes = Buffer.from((await answer.Body?.transformToByteArray()) ?? [])
  const { meta } = readMeta(bytes)
  return BigInt(text(meta, 'daybook.last'))
}

async function listKeys(s3: S3Client, bucket: string, prefix: string): Promise<string[]> {
  const keys: string[] = []
  let token: string | undefined
  do {
    const page = await s3.send(
      new ListObjectsV2Command({
        Bucket: bucket,
        Prefix: prefix,
        ...(token ? { ContinuationToken: token } : {}),
      }),
    )
    for (const item of page.Contents ?? []) if (item.Key !== undefined) keys.push(item.Key)
    token = page.NextContinuationToken
  } while (token !== undefined)
  return keys.sort()
}

async function versionFaults(s3: S3Client, bucket: string, prefix: string): Promise<string[]> {
  const answer = await s3.send(new ListObjectVersionsCommand({ Bucket: bucket, Prefix: prefix }))
  const seen = new Set<string>()
  const faults = (answer.DeleteMarkers ?? []).map((marker) => `${marker.Key}: has a delete marker`)
  for (const { Key: key } of answer.Versions ?? []) {
    if (key !== undefined && seen.has(key)) faults.push(`${key}: has more than one version`)
    if (key !== undefined) seen.add(key)
  }
  return faults
}

type Meta = ReadonlyMap<string, Buffer>

/** The metadata of an Avro container file, and where they end. */
export function readMeta(bytes: Buffer): { meta: Meta; end: number } {
  const decoded: { value: { key: string; value: Buffer }[]; offset: number } = META.decode(bytes, 4)
  return { meta: new Map(decoded.value.map(({ key, value }) => [key, value])), end: decoded.offset }
}

function readObject(name: string, bytes: Buffer): { object: ArchivedObject; meta: Meta } {
  if (bytes.subarray(0, 4).toString('latin1') !== 'Obj\u0001')
    throw new Error(`${name} is no Avro container file`)
  const { meta, end: headerEnd } = readMeta(bytes)
  const records: ArchivedRecord[] = []
  let position = headerEnd + SYNC_BYTES
  while (position < bytes.length) {
    const count = LONG.decode(bytes, position)
    const size = LONG.decode(bytes, count.offset)
    const end = size.offset + Number(size.value)
    const data = unpack(bytes.subarray(size.offset, end), text(meta, 'avro.codec'))
    records.push(...readRows(data, Number(count.value), meta))
    position = end + SYNC_BYTES
  }
  const gaps: [string, string, string][] = JSON.parse(text(meta, 'daybook.gaps'))
  const object = {
    name,
    first: BigInt(text(meta, 'daybook.first')),
    last: BigInt(text(meta, 'daybook.last')),
    records,
    gaps: gaps.map(([first, last, reason]) => ({ first: BigInt(first), last: BigInt(last), reason })),
  }
  return { object, meta }
}

function unpack(data: Buffer, codec: string): Buffer {
  if (codec === 'zstandard') return zstdDecompressSync(data)
  if (codec === 'deflate') return inflateRawSync(data)
  return data
}

interface RowPrefix {
  readonly _offset: number
  readonly _append_time: number
  readonly _key: Buffer | null
  readonly _kind: ArchivedRecord['kind']
  readonly _raw: Buffer | null
  readonly _size: number
}

function* readRows(data: Buffer, count: number, meta: Meta): Generator<ArchivedRecord> {
  const schema: { fields: { name: string }[] } = JSON.parse(text(meta, 'avro.schema'))
  const fields = schema.fields.filter((field) => field.name.startsWith('_'))
  const prefixType = avro.Type.forSchema({ ...schema, type: 'record', name: 'Prefix', fields } as avro.Schema)
  const schemaId = meta.get('daybook.schema_id')
  let position = 0
  for (let i = 0; i < count; i++) {
    const { value: row, offset } = prefixType.decode(data, position) as { value: RowPrefix; offset: number }
    position = offset + row._size
    const payload = data.subarray(offset, position)
    yield {
      offset: BigInt(row._offset),
      appendTime: Number(row._append_time),
      kind: row._kind,
      key: row._key,
      value: row._kind === 'tombstone' ? null : (row._raw ?? frame(schemaId, payload)),
    }
  }
}

function frame(schemaId: Buffer | undefined, payload: Buffer): Buffer {
  if (schemaId === undefined) throw new Error('a spliced row in an object without a schema id')
  const header = Buffer.alloc(5)
  header.writeUInt32BE(Number(schemaId.toString('utf8')), 1)
  return Buffer.concat([header, payload])
}

/** docs/formats/tree.md, "Leaves". */
function preimage(logId: string, record: ArchivedRecord): Buffer {
  const numbers = Buffer.alloc(24)
  numbers.writeUInt32BE(8, 0)
  numbers.writeBigUInt64BE(record.offset, 4)
  numbers.writeUInt32BE(8, 12)
  numbers.writeBigInt64BE(BigInt(record.appendTime), 16)
  return Buffer.concat([
    blob(Buffer.from('daybook-record/v1')),
    blob(Buffer.from(logId)),
    numbers,
    blob(record.key),
    blob(record.value),
  ])
}

function blob(bytes: Buffer | null): Buffer {
  const length = Buffer.alloc(4)
  length.writeUInt32BE(bytes === null ? 0xffffffff : bytes.length)
  return bytes === null ? length : Buffer.concat([length, bytes])
}

function text(meta: Meta, name: string): string {
  const value = meta.get(name)
  if (value === undefined) throw new Error(`the header has no ${name}`)
  return value.toString('utf8')
}

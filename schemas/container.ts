/**
 * Avro Object Container Files, as defined by the Avro 1.11 and 1.12 specifications ("Object Container Files"):
 * a header with the schema and metadata, then blocks of records, each followed by the sync marker.
 */
import {
  deflateRawSync,
  inflateRawSync,
  constants as zlib,
  zstdCompressSync,
  zstdDecompressSync,
} from 'node:zlib'
import { ByteReader, ByteWriter } from './bytes.ts'
import { DaybookError } from './errors.ts'

/** Names as readers expect them in `avro.codec`; ClickHouse and fastavro refuse `zstd`. */
export type ContainerCodec = 'null' | 'deflate' | 'zstandard'

export const SYNC_BYTES = 16
const MAGIC = Buffer.from('Obj\x01', 'latin1')
const DEFAULT_DEFLATE_LEVEL = 6
const DEFAULT_ZSTANDARD_LEVEL = 1
const LARGE_BLOCK_BYTES = 1024 * 1024
/** A block that unpacks to more than this is refused, unless the caller allows more. */
const DEFAULT_MAX_BLOCK_BYTES = 256 * 1024 * 1024

export interface ContainerHeader {
  readonly schemaJson: string
  readonly codec: ContainerCodec
  readonly sync: Buffer
  /** Every entry of the file's metadata, `avro.schema` and `avro.codec` included. Values are views. */
  readonly meta: ReadonlyMap<string, Buffer>
  readonly headerLength: number
}

export interface ContainerBlock {
  readonly count: number
  /** The records' bytes, unpacked. */
  readonly data: Buffer
}

/** Metadata is written in the order given, so equal input gives equal bytes. */
export function encodeContainerHeader(o: {
  readonly schemaJson: string
  readonly codec: ContainerCodec
  readonly sync: Buffer
  readonly meta?: Readonly<Record<string, Buffer | string>>
}): Buffer {
  if (o.sync.length !== SYNC_BYTES)
    throw new RangeError(`sync marker has ${o.sync.length} bytes, not ${SYNC_BYTES}`)
  const entries = Object.entries({ 'avro.schema': o.schemaJson, 'avro.codec': o.codec, ...o.meta })
  const writer = new ByteWriter()
  writer.writeRaw(MAGIC)
  writer.writeLong(entries.length)
  for (const [key, value] of entries) {
    writer.writeString(key)
    writer.writeBytes(typeof value === 'string' ? Buffer.from(value) : value)
  }
  writer.writeLong(0)
  writer.writeFixed(o.sync)
  return writer.take()
}

/** The pieces of one block, to be written one after the other: counts, packed data, sync marker. */
export function encodeContainerBlock(o: {
  readonly count: number
  readonly data: Buffer
  readonly codec: ContainerCodec
  readonly sync: Buffer
  readonly level?: number
}): Buffer[] {
  const packed = pack(o.data, o.codec, o.level)
  const head = new ByteWriter(2 * 10)
  head.writeLong(o.count)
  head.writeLong(packed.length)
  return [head.take(), packed, o.sync]
}

/** @throws DaybookError DAYBOOK_CONTAINER_MALFORMED, DAYBOOK_AVRO_MALFORMED */
export function readContainerHeader(buf: Buffer): ContainerHeader {
  if (!buf.subarray(0, MAGIC.length).equals(MAGIC)) throw malformed('it does not begin with "Obj" and 1', 0)
  const reader = new ByteReader(buf, MAGIC.length)
  const meta = readMeta(reader)
  const schema = meta.get('avro.schema')
  if (schema === undefined) throw malformed('the header has no avro.schema', reader.pos)
  const codec = meta.get('avro.codec')?.toString('utf8') ?? 'null'
  if (!isCodec(codec)) throw malformed('its codec is none of null, deflate, zstandard', reader.pos)
  const sync = reader.readFixed(SYNC_BYTES)
  return { schemaJson: schema.toString('utf8'), codec, sync, meta, headerLength: reader.pos }
}

/** @throws DaybookError DAYBOOK_CONTAINER_MALFORMED, DAYBOOK_AVRO_MALFORMED, while iterating. */
export function* readContainerBlocks(
  buf: Buffer,
  header: ContainerHeader,
  options: { readonly maxBlockBytes?: number } = {},
): Generator<ContainerBlock> {
  const maxBlockBytes = options.maxBlockBytes ?? DEFAULT_MAX_BLOCK_BYTES
  const reader = new ByteReader(buf, header.headerLength)
  while (reader.remaining > 0) {
    const start = reader.pos
    const count = reader.readLong()
    const packed = reader.readBytes()
    if (count < 0) throw malformed('a block announces a negative count', start)
    if (!reader.readFixed(SYNC_BYTES).equals(header.sync))
      throw malformed('a sync marker is wrong', reader.pos)
    yield { count, data: unpack(packed, header.codec, maxBlockBytes, start) }
  }
}

function readMeta(reader: ByteReader): ReadonlyMap<string, Buffer> {
  const meta = new Map<string, Buffer>()
  for (;;) {
    let count = reader.readLong()
    if (count === 0) return meta
    if (count < 0) {
      count = -count
      reader.readLong()
    }
    if (count > reader.remaining)
      throw malformed('the header announces more entries than it has bytes', reader.pos)
    for (let i = 0; i < count; i++) {
      const name = reader.readString()
      // Readers differ in which of two they take, and a signature over the one would vouch for the other.
      if (meta.has(name)) throw malformed('the header has two entries of one name', reader.pos)
      meta.set(name, reader.readBytes())
    }
  }
}

function pack(data: Buffer, codec: ContainerCodec, level: number | undefined): Buffer {
  switch (codec) {
    case 'null':
      return data
    case 'deflate':
      return trimmed(deflateRawSync(data, { level: level ?? DEFAULT_DEFLATE_LEVEL, ...chunkFor(data) }))
    case 'zstandard':
      return trimmed(
        zstdCompressSync(data, {
          params: { [zlib.ZSTD_c_compressionLevel]: level ?? DEFAULT_ZSTANDARD_LEVEL },
          ...chunkFor(data),
        }),
      )
  }
}

/** Out of many small chunks, large data would stand in memory twice while they are put together, and take longer. */
function chunkFor(data: Buffer): { readonly chunkSize?: number } {
  return data.length < LARGE_BLOCK_BYTES ? {} : { chunkSize: data.length + (data.length >> 8) + 1024 }
}

/** A small result must not keep a large chunk alive. */
function trimmed(packed: Buffer): Buffer {
  const isSmall =
    packed.buffer.byteLength >= LARGE_BLOCK_BYTES && packed.length < packed.buffer.byteLength / 2
  return isSmall ? Buffer.from(packed) : packed
}

function unpack(packed: Buffer, codec: ContainerCodec, maxOutputLength: number, position: number): Buffer {
  try {
    switch (codec) {
      case 'null':
        return packed
      case 'deflate':
        return inflateRawSync(packed, { maxOutputLength })
      case 'zstandard':
        return zstdDecompressSync(packed, { maxOutputLength })
    }
  } catch (cause) {
    throw malformed(`a block cannot be unpacked (${codec})`, position, cause)
  }
}

function isCodec(codec: string): codec is ContainerCodec {
  return codec === 'null' || codec === 'deflate' || codec === 'zstandard'
}

function malformed(what: string, position: number, cause?: unknown): DaybookError {
  return new DaybookError(
    'DAYBOOK_CONTAINER_MALFORMED',
    `Not a valid Avro container file: ${what} (byte ${position}).`,
    { details: { position }, cause },
  )
}

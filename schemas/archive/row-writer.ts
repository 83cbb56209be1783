import { createHash } from 'node:crypto'
import { ByteWriter } from '../bytes.ts'
import { type ContainerCodec, encodeContainerBlock } from '../container.ts'
import type { RecordKind } from './row-schema.ts'

export interface ArchivedRow {
  readonly offset: bigint
  readonly appendTime: number
  readonly key: Buffer | null
  readonly kind: RecordKind
  /** The exact value, where it is not the frame of `payload` under the object's schema id; else null. */
  readonly raw: Buffer | null
  /** One record of the object's writer schema is `payload[start..]`. */
  readonly payload: Buffer
  readonly start: number
}

export interface PackedRows {
  /** The blocks of the container, to be written one after the other behind the header. */
  readonly pieces: readonly Buffer[]
  readonly bytes: number
  /** SHA-256 of the pieces. */
  readonly sha256: Buffer
}

export interface PackOptions {
  readonly codec: ContainerCodec
  readonly sync: Buffer
  readonly level?: number
  /** A block is closed when its rows reach this size, unpacked. */
  readonly blockBytes: number
}

const KIND_INDEX = { event: 0, tombstone: 1, quarantined: 2 } as const
/** Branches of ["null","bytes"] as Avro writes them. */
const NULL_BRANCH = 0
const BYTES_BRANCH = 2

/** Packs rows into container blocks. */
export function packRows(rows: Iterable<ArchivedRow>, options: PackOptions): PackedRows {
  const writer = new ByteWriter(options.blockBytes + 4096)
  const pieces: Buffer[] = []
  let count = 0
  for (const row of rows) {
    writeRow(writer, row)
    count++
    if (writer.length < options.blockBytes) continue
    pieces.push(...closeBlock(writer, count, options))
    count = 0
  }
  if (count > 0) pieces.push(...closeBlock(writer, count, options))
  const hash = createHash('sha256')
  let bytes = 0
  for (const piece of pieces) {
    hash.update(piece)
    bytes += piece.length
  }
  return { pieces, bytes, sha256: hash.digest() }
}

function closeBlock(writer: ByteWriter, count: number, options: PackOptions): Buffer[] {
  // Codec null packs nothing and would keep a view of memory that the next block overwrites.
  const data = options.codec === 'null' ? writer.copy() : writer.take()
  const pieces = encodeContainerBlock({ count, data, ...options })
  writer.reset()
  return pieces
}

/** Of a row beside its bytes: six varints, a byte for each branch. */
const ROW_OVERHEAD = 80

function writeRow(writer: ByteWriter, row: ArchivedRow): void {
  // At once: a writer that has grown to the megabytes of `raw` would double, and be copied, for the bytes behind them.
  writer.ensure(
    ROW_OVERHEAD + (row.key?.length ?? 0) + (row.raw?.length ?? 0) + row.payload.length - row.start,
  )
  // Numbers take the writer's short way; offsets beyond 2^53 are exact all the same.
  writer.writeLong(row.offset <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(row.offset) : row.offset)
  writer.writeLong(Number.isSafeInteger(row.appendTime) ? row.appendTime : longOf(row.appendTime))
  writeNullable(writer, row.key)
  writer.writeLong(KIND_INDEX[row.kind])
  writeNullable(writer, row.raw)
  writer.writeLong(row.payload.length - row.start)
  writer.writeRaw(row.payload, row.start)
}

const MAX_LONG = 2n ** 63n - 1n
const MIN_LONG = -(2n ** 63n)

/** A producer may claim any 64-bit time, and as a double the greatest of them lies beyond 64 bits. */
function longOf(time: number): bigint {
  const exact = BigInt(time)
  if (exact > MAX_LONG) return MAX_LONG
  return exact < MIN_LONG ? MIN_LONG : exact
}

function writeNullable(writer: ByteWriter, bytes: Buffer | null): void {
  if (bytes === null) {
    writer.writeByte(NULL_BRANCH)
    return
  }
  writer.writeByte(BYTES_BRANCH)
  writer.writeBytes(bytes)
}

import { ByteWriter } from '../../schemas/bytes.ts'
import { encodeContainerBlock, encodeContainerHeader, SYNC_BYTES } from '../../schemas/container.ts'
import { type EventRow, hashText } from './event-rows.ts'

/** Rows of one partition in one insert. */
export interface BodyPart {
  /** Index of the partition in the statement's arrays. */
  readonly range: number
  readonly rows: readonly EventRow[]
}

/** Large enough that calls and syscalls do not count, small enough that the store parses while the next is built. */
const BLOCK_BYTES = 1 << 20
/** What a row's prefix can need: three varints, the range and the hash. */
const PREFIX_BYTES = 64

/** A fixed marker: the body is a stream between two programs, not a file that somebody may have to repair. */
const SYNC = Buffer.alloc(SYNC_BYTES, 0xdb)

export interface BodyEncoder {
  /**
   * The Avro container with these rows, in pieces that are built when they are asked for: hashing and copying go on
   * while the store parses what came before. A piece is valid for good.
   */
  encode(parts: readonly BodyPart[]): Generator<Buffer, void, void>
}

export function createBodyEncoder(schemaJson: string): BodyEncoder {
  const header = Buffer.from(encodeContainerHeader({ schemaJson, codec: 'null', sync: SYNC }))
  return {
    encode: function* (parts) {
      yield header
      let writer = new ByteWriter(BLOCK_BYTES + BLOCK_BYTES / 4)
      let count = 0
      for (const { range, rows } of parts) {
        for (const row of rows) {
          writeRow(writer, range, row)
          count++
          if (writer.length < BLOCK_BYTES) continue
          yield* block(writer, count)
          writer = new ByteWriter(BLOCK_BYTES + BLOCK_BYTES / 4)
          count = 0
        }
      }
      if (count > 0) yield* block(writer, count)
    },
  }
}

/** The rows go out where they were written: copying them behind the block's head was 5 % of the worker's CPU. */
function block(writer: ByteWriter, count: number): Buffer[] {
  return encodeContainerBlock({ count, data: writer.take(), codec: 'null', sync: SYNC })
}

function writeRow(writer: ByteWriter, range: number, row: EventRow): void {
  const { record, payload, payloadStart } = row
  writer.ensure(PREFIX_BYTES + payload.length)
  writer.writeLong(range)
  writer.writeLong(Number(record.offset))
  writer.writeLong(record.appendTime)
  writer.writeLong(row.schemaId)
  writer.writeLatin1(hashText(row))
  writer.writeRaw(payload, payloadStart)
}

/** Bytes that a row takes in a body, at most. */
export function bodyBytes(row: EventRow): number {
  return PREFIX_BYTES + row.payload.length - row.payloadStart
}

import { ByteWriter } from '../../../schemas/bytes.ts'
import { encodeContainerBlock, encodeContainerHeader, SYNC_BYTES } from '../../../schemas/container.ts'
import { type EventRow, hashText, payloadOf } from './event-rows.ts'
import { receivedAt } from './receipt-time.ts'

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

/** The marker between blocks. It may be the same in all bodies: no reader searches a damaged body for it. */
const SYNC = Buffer.alloc(SYNC_BYTES, 0xdb)

/** Blocks of one usual insert; those of a second one, or of a larger one, are left to the collector. */
const MAX_SPARE = 40

export interface InsertBody {
  /**
   * Built when they are asked for: hashing and copying go on while the store parses what came before. A piece is
   * valid until `release`.
   */
  readonly pieces: Iterable<Buffer>
  /**
   * The store has answered that it holds the rows, so nobody reads the pieces any more: their memory is used for
   * later bodies. After a failure nobody knows what is still being sent, and the memory is left to the collector.
   */
  release(): void
}

/**
 * Makes Avro containers of rows. Blocks are used again, because V8 collects all garbage after each 64 MiB of new
 * buffers: that took a sixth of the worker's CPU.
 */
export class BodyEncoder {
  readonly #header: Buffer
  readonly #spare: ByteWriter[] = []

  constructor(schemaJson: string) {
    this.#header = Buffer.from(encodeContainerHeader({ schemaJson, codec: 'null', sync: SYNC }))
  }

  encode(parts: readonly BodyPart[]): InsertBody {
    const used: ByteWriter[] = []
    return {
      pieces: this.#pieces(parts, used),
      release: () => {
        for (const writer of used.splice(0)) this.#keep(writer)
      },
    }
  }

  *#pieces(parts: readonly BodyPart[], used: ByteWriter[]): Generator<Buffer, void, void> {
    yield this.#header
    let writer = this.#writer(used)
    let count = 0
    for (const { range, rows } of parts) {
      for (const row of rows) {
        const bytes = bodyBytes(row)
        if (count > 0 && writer.length + bytes > BLOCK_BYTES) {
          yield* block(writer, count)
          writer = this.#writer(used)
          count = 0
        }
        writer.ensure(bytes)
        writeRow(writer, range, row)
        count++
      }
    }
    if (count > 0) yield* block(writer, count)
  }

  #writer(used: ByteWriter[]): ByteWriter {
    const writer = this.#spare.pop() ?? new ByteWriter(BLOCK_BYTES)
    used.push(writer)
    return writer
  }

  /** A writer that a large row made grow is not kept. */
  #keep(writer: ByteWriter): void {
    if (this.#spare.length >= MAX_SPARE || writer.length > BLOCK_BYTES) return
    writer.reset()
    this.#spare.push(writer)
  }
}

/** The rows go out where they were written: copying them behind the block's head was 5 % of the worker's CPU. */
function block(writer: ByteWriter, count: number): Buffer[] {
  return encodeContainerBlock({ count, data: writer.take(), codec: 'null', sync: SYNC })
}

function writeRow(writer: ByteWriter, range: number, row: EventRow): void {
  const { record } = row
  const payload = payloadOf(row)
  writer.writeLong(range)
  writer.writeLong(Number(record.offset))
  writer.writeLong(receivedAt(row))
  writer.writeLong(row.schemaId)
  writer.writeLatin1(hashText(row, payload))
  writer.writeRaw(payload)
}

/** Bytes that a row takes in a body, at most. */
export function bodyBytes(row: EventRow): number {
  return PREFIX_BYTES + row.end - row.start
}

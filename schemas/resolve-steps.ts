import { type AvroNode, type EnumNode, symbolIndexes } from './avro-node.ts'
import { type ByteReader, ByteWriter } from './bytes.ts'

/** Moves one value from the reader to the writer, in another schema's encoding. */
export type Step = (from: ByteReader, to: ByteWriter) => void

export function sequence(steps: readonly Step[]): Step {
  return (from, to) => {
    for (const step of steps) step(from, to)
  }
}

/** Memory for values that are put together elsewhere, used again: a record may have a million values of a few bytes. */
interface ScratchWriters {
  /** Empty ones; new ones where those are in use further out. */
  take(): readonly ByteWriter[]
  giveBack(writers: readonly ByteWriter[]): void
}

/** Of what one large value needed no more is kept. */
const MAX_KEPT_BYTES = 4_096

export function scratchWriters(count: number): ScratchWriters {
  let kept: readonly ByteWriter[] | null = null
  const made = (): ByteWriter => new ByteWriter(64)
  return {
    take: () => {
      const writers = kept ?? Array.from({ length: count }, made)
      kept = null
      return writers
    },
    giveBack: (writers) => {
      for (const writer of writers) {
        if (writer.length > MAX_KEPT_BYTES) return
        writer.reset()
      }
      kept = writers
    },
  }
}

/** Reads a value that the newest schema has no place for. */
export function dropped(step: Step): Step {
  const scratch = scratchWriters(1)
  return (from) => {
    const writers = scratch.take()
    const [sink] = writers
    if (sink !== undefined) step(from, sink)
    scratch.giveBack(writers)
  }
}

export function blocks(item: Step): Step {
  const scratch = scratchWriters(1)
  return (from, to) => {
    let count = blockCount(from)
    if (count === 0) return to.writeLong(0)
    const writers = scratch.take()
    const [items] = writers
    if (items === undefined) return
    let total = 0
    for (; count > 0; count = blockCount(from)) {
      total += count
      for (let i = 0; i < count; i++) item(from, items)
    }
    to.writeLong(total)
    to.writeRaw(items.take())
    to.writeLong(0)
    scratch.giveBack(writers)
  }
}

function blockCount(from: ByteReader): number {
  const count = from.readLong()
  if (count >= 0) return count
  from.readLong()
  return -count
}

/** Null: a symbol of the writer has no place in the reader's enum, which has no default either. */
export function symbols(writer: EnumNode, reader: EnumNode): Step | null {
  const indexes = symbolIndexes(reader)
  const fallback = reader.default === null ? -1 : (indexes.get(reader.default) ?? -1)
  const table = writer.symbols.map((symbol) => indexes.get(symbol) ?? fallback)
  if (table.includes(-1)) return null
  return (from, to) => to.writeLong(table[from.readLong()] ?? fallback)
}

/** Null: the types do not go together. */
export function primitive(writer: AvroNode, reader: AvroNode): Step | null {
  if (writer.kind !== reader.kind && !(writer.kind === 'int' && reader.kind === 'long')) return null
  switch (writer.kind) {
    case 'null':
      return () => undefined
    case 'boolean':
      return copyFixed(1)
    case 'int':
      return (from, to) => to.writeLong(from.readLong())
    case 'long':
      return copyLong
    case 'float':
      return copyFixed(4)
    case 'double':
      return copyFixed(8)
    case 'string':
      return reader.kind === 'string' && reader.logicalType === 'uuid' ? copyUuid : copyBytes
    case 'bytes':
      return copyBytes
    default:
      return null
  }
}

export const copyBytes: Step = (from, to) => to.writeBytes(from.readBytes())

const copyUuid: Step = (from, to) => to.writeString(from.readString().toLowerCase())

/** All 64 bits: a long may lie beyond what a number holds. */
const copyLong: Step = (from, to) => {
  const start = from.pos
  const rough = from.skimLong()
  if (Number.isSafeInteger(rough)) return to.writeLong(rough)
  from.pos = start
  to.writeLong(from.readBigLong())
}

export function copyFixed(size: number): Step {
  return (from, to) => to.writeFixed(from.readFixed(size))
}

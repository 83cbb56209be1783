import type { AvroNode, EnumNode } from './avro-node.ts'
import { type ByteReader, ByteWriter } from './bytes.ts'

/** Moves one value from the reader to the writer, in another schema's encoding. */
export type Step = (from: ByteReader, to: ByteWriter) => void

export function sequence(steps: readonly Step[]): Step {
  return (from, to) => {
    for (const step of steps) step(from, to)
  }
}

/** Reads a value that the newest schema has no place for. */
export function dropped(step: Step): Step {
  const sink = new ByteWriter(64)
  return (from) => {
    sink.reset()
    step(from, sink)
  }
}

export function blocks(item: Step): Step {
  return (from, to) => {
    let count = blockCount(from)
    if (count === 0) return to.writeLong(0)
    const items = new ByteWriter(64)
    let total = 0
    for (; count > 0; count = blockCount(from)) {
      total += count
      for (let i = 0; i < count; i++) item(from, items)
    }
    to.writeLong(total)
    to.writeRaw(items.take())
    to.writeLong(0)
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
  const fallback = reader.default === null ? -1 : reader.symbols.indexOf(reader.default)
  const table = writer.symbols.map((symbol) => {
    const index = reader.symbols.indexOf(symbol)
    return index < 0 ? fallback : index
  })
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

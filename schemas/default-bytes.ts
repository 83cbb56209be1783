import type { AvroNode } from './avro-node.ts'
import { ByteWriter } from './bytes.ts'
import { DaybookError } from './errors.ts'

/** Records with defaults can hold each other so that a default of `{}` has any number of values, or has no end. */
const MAX_VALUES = 10_000

class DefaultWriter extends ByteWriter {
  values = 0
}

/**
 * The Avro bytes of a field's default, which schemas give as JSON (for a union: a value of its first branch).
 * @throws DaybookError DAYBOOK_SCHEMA_INVALID when the default does not fit, or has more than 10,000 values
 */
export function defaultBytes(type: AvroNode, value: unknown): Buffer {
  const writer = new DefaultWriter(64)
  write(writer, type, value)
  return writer.take()
}

function write(w: DefaultWriter, type: AvroNode, value: unknown): void {
  if (++w.values > MAX_VALUES) throw invalid(type)
  switch (type.kind) {
    case 'fixed':
    case 'enum':
    case 'union':
    case 'array':
    case 'map':
    case 'record':
      writeComplex(w, type, value)
      break
    default:
      writePrimitive(w, type, value)
  }
}

function writePrimitive(w: ByteWriter, type: AvroNode, value: unknown): void {
  const { kind } = type
  if (kind === 'boolean' && typeof value === 'boolean') w.writeByte(value ? 1 : 0)
  else if ((kind === 'int' || kind === 'long') && typeof value === 'number') w.writeLong(value)
  else if ((kind === 'float' || kind === 'double') && typeof value === 'number') writeFloat(w, value, kind)
  else if (kind === 'string' && typeof value === 'string') w.writeString(value)
  else if (kind === 'bytes' && typeof value === 'string') w.writeBytes(Buffer.from(value, 'latin1'))
  else if (kind !== 'null' || value !== null) throw invalid(type)
}

function writeComplex(w: DefaultWriter, type: AvroNode, value: unknown): void {
  if (type.kind === 'fixed' && typeof value === 'string' && value.length === type.size) {
    w.writeFixed(Buffer.from(value, 'latin1'))
  } else if (type.kind === 'enum' && typeof value === 'string' && type.symbols.includes(value)) {
    w.writeLong(type.symbols.indexOf(value))
  } else if (type.kind === 'union' && type.branches[0] !== undefined) {
    w.writeLong(0)
    write(w, type.branches[0], value)
  } else if (type.kind === 'array' && Array.isArray(value)) {
    writeBlock(w, value, (item) => write(w, type.items, item))
  } else if (type.kind === 'map' && isObject(value)) {
    writeBlock(w, Object.entries(value), ([key, item]) => {
      w.writeString(key)
      write(w, type.values, item)
    })
  } else if (type.kind === 'record' && isObject(value)) {
    for (const { name, type: own, default: fallback } of type.fields)
      write(w, own, Object.hasOwn(value, name) ? value[name] : fallback)
  } else throw invalid(type)
}

function writeBlock<T>(w: ByteWriter, items: readonly T[], item: (value: T) => void): void {
  if (items.length > 0) {
    w.writeLong(items.length)
    for (const value of items) item(value)
  }
  w.writeLong(0)
}

function writeFloat(w: ByteWriter, value: number, kind: 'float' | 'double'): void {
  const bytes = Buffer.alloc(kind === 'float' ? 4 : 8)
  if (kind === 'float') bytes.writeFloatLE(value)
  else bytes.writeDoubleLE(value)
  w.writeFixed(bytes)
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function invalid(type: AvroNode): DaybookError {
  return new DaybookError(
    'DAYBOOK_SCHEMA_INVALID',
    `Not a usable Avro schema: the default of a ${type.kind} does not fit its type.`,
  )
}

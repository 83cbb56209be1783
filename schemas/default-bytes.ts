import type { AvroNode, PrimitiveNode } from './avro-node.ts'
import { ByteWriter } from './bytes.ts'
import { DaybookError } from './errors.ts'
import { isUuidText, TIME_END_MILLIS, TIME_START_MILLIS } from './skip-runtime.ts'

/** Records with defaults can hold each other so that a default of `{}` has any number of values, or has no end. */
const MAX_VALUES = 10_000
/** A row of nothing but defaults stands in the archive for each record that is no event, however small that one is. */
export const MAX_DEFAULT_BYTES = 8_192
const MAX_INT = 0x7fffffff

/** What all defaults together may have that one record can be given. */
export class DefaultsBudget {
  #valuesLeft = MAX_VALUES
  #bytesLeft = MAX_DEFAULT_BYTES

  /** One more value; `textBytes` are not taken, but must fit: they are about to be written. */
  takeValue(type: AvroNode, textBytes: number): void {
    if (--this.#valuesLeft < 0 || textBytes > this.#bytesLeft) throw tooLarge(type)
  }

  takeBytes(type: AvroNode, bytes: number): void {
    this.#bytesLeft -= bytes
    if (this.#bytesLeft < 0) throw tooLarge(type)
  }
}

class DefaultWriter extends ByteWriter {
  readonly #budget: DefaultsBudget
  #taken = 0

  constructor(budget: DefaultsBudget) {
    super(64)
    this.#budget = budget
  }

  /** Takes what was written, and room for one more value. */
  beginValue(type: AvroNode, value: unknown): void {
    this.settle(type)
    this.#budget.takeValue(type, typeof value === 'string' ? Buffer.byteLength(value) : 0)
  }

  settle(type: AvroNode): void {
    this.#budget.takeBytes(type, this.length - this.#taken)
    this.#taken = this.length
  }
}

/**
 * The Avro bytes of a field's default, which schemas give as JSON (for a union: a value of its first branch). Every
 * checker takes them: a UUID is one, ints and times lie in their range.
 * @throws DaybookError DAYBOOK_SCHEMA_INVALID when the default does not fit, or `budget` (default: 10,000 values,
 *   8,192 bytes) has less left; no memory beyond it is taken
 */
export function defaultBytes(type: AvroNode, value: unknown, budget = new DefaultsBudget()): Buffer {
  const writer = new DefaultWriter(budget)
  write(writer, type, value)
  writer.settle(type)
  return writer.take()
}

function write(w: DefaultWriter, type: AvroNode, value: unknown): void {
  w.beginValue(type, value)
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

function writePrimitive(w: ByteWriter, type: PrimitiveNode, value: unknown): void {
  const { kind } = type
  if (kind === 'boolean' && typeof value === 'boolean') w.writeByte(value ? 1 : 0)
  else if ((kind === 'int' || kind === 'long') && isInRange(type, value)) w.writeLong(value)
  else if ((kind === 'float' || kind === 'double') && typeof value === 'number') writeFloat(w, value, kind)
  else if (kind === 'string' && isTextOf(type, value)) w.writeString(value)
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

function isInRange({ kind, logicalType }: PrimitiveNode, value: unknown): value is number {
  if (typeof value !== 'number') return false
  if (kind === 'int') return value >= -MAX_INT - 1 && value <= MAX_INT
  return logicalType !== 'timestamp-millis' || (value >= TIME_START_MILLIS && value < TIME_END_MILLIS)
}

function isTextOf({ logicalType }: PrimitiveNode, value: unknown): value is string {
  if (typeof value !== 'string') return false
  const bytes = Buffer.from(value)
  return logicalType !== 'uuid' || isUuidText(bytes, 0, bytes.length)
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

function tooLarge(type: AvroNode): DaybookError {
  return new DaybookError(
    'DAYBOOK_SCHEMA_INVALID',
    `Not a usable Avro schema: defaults have more than ${MAX_VALUES} values or ${MAX_DEFAULT_BYTES} bytes (at a ${type.kind}).`,
  )
}

import { type AvroNode, branchKey, type EnumNode, parseRecordSchema, type RecordNode } from './avro-node.ts'
import type { AvroRecordSchema } from './avro-schema.ts'
import { ByteReader, ByteWriter } from './bytes.ts'
import { defaultBytes } from './default-bytes.ts'
import { DaybookError } from './errors.ts'

/**
 * Re-encodes one record. The result is a view that the next call overwrites. The input must have passed the
 * writer's skipper: resolvers trust lengths and indexes.
 */
export type Resolver = (buf: Buffer, start: number, end: number) => Buffer

/** Moves one value from the reader to the writer, in another schema's encoding. */
type Step = (from: ByteReader, to: ByteWriter) => void

/**
 * Compiles the step from `writer`'s encoding to `newest`'s, by Avro's resolution rules as far as versions of one
 * schema need them: fields by name in any order, missing ones by default, unknown ones dropped, enum symbols by
 * name with the reader's default, a type into a union, int into long. No value becomes a JavaScript string or
 * object on the way. The output is canonical (shortest integers, one block per array and map, lower-case UUIDs),
 * so with `writer` equal to `newest` it only normalises.
 *
 * @throws DaybookError DAYBOOK_SCHEMA_INCOMPATIBLE when the schemas do not go together.
 */
export function compileResolver(writer: AvroRecordSchema, newest: AvroRecordSchema): Resolver {
  const step = createCompiler()(parseRecordSchema(writer), parseRecordSchema(newest), '')
  const out = new ByteWriter()
  return (buf, start, end) => {
    out.reset()
    step(new ByteReader(buf, start, end), out)
    return out.take()
  }
}

function createCompiler(): (writer: AvroNode, reader: AvroNode, path: string) => Step {
  const records = new Map<RecordNode, Map<RecordNode, Step>>()

  function compile(writer: AvroNode, reader: AvroNode, path: string): Step {
    if (writer.kind === 'union') return fromUnion(writer.branches, reader, path)
    if (reader.kind === 'union') return intoUnion(writer, reader.branches, path)
    switch (writer.kind) {
      case 'record':
        if (reader.kind === 'record') return record(writer, reader, path)
        break
      case 'array':
        if (reader.kind === 'array') return blocks(compile(writer.items, reader.items, `${path}[]`))
        break
      case 'map':
        if (reader.kind === 'map')
          return blocks(sequence([copyBytes, compile(writer.values, reader.values, `${path}{}`)]))
        break
      case 'enum':
        if (reader.kind === 'enum') return symbols(writer, reader, path)
        break
      case 'fixed':
        if (reader.kind === 'fixed' && reader.size === writer.size) return copyFixed(writer.size)
        break
      default: {
        const step = primitive(writer, reader)
        if (step !== null) return step
      }
    }
    throw incompatible(path, writer, reader)
  }

  function record(writer: RecordNode, reader: RecordNode, path: string): Step {
    const known = records.get(writer)?.get(reader)
    if (known !== undefined) return known
    let compiled: Step | undefined
    const byReader = records.get(writer) ?? new Map<RecordNode, Step>()
    records.set(writer, byReader)
    byReader.set(reader, (from, to) => compiled?.(from, to))
    compiled = recordSteps(writer, reader, path)
    return compiled
  }

  function recordSteps(writer: RecordNode, reader: RecordNode, path: string): Step {
    const order = reader.fields.map((field) => writer.fields.findIndex((other) => other.name === field.name))
    const incoming = writer.fields.map((field) => {
      const partner = reader.fields.find((other) => other.name === field.name)
      const at = path === '' ? field.name : `${path}.${field.name}`
      return partner === undefined
        ? dropped(compile(field.type, field.type, at))
        : compile(field.type, partner.type, at)
    })
    const constants = reader.fields.map((field, i) =>
      order[i] === -1 ? fieldDefault(field.type, field.default, path, field.name) : null,
    )
    return inOrder(order) ? streaming(order, incoming, constants) : buffered(order, incoming, constants)
  }

  function fromUnion(branches: readonly AvroNode[], reader: AvroNode, path: string): Step {
    if (reader.kind !== 'union') throw incompatible(path, { kind: 'union', branches }, reader)
    const steps = branches.map((branch) => intoUnion(branch, reader.branches, path))
    return (from, to) => steps[from.readLong()]?.(from, to)
  }

  function intoUnion(writer: AvroNode, branches: readonly AvroNode[], path: string): Step {
    const index = branches.findIndex((branch) => branchKey(branch) === branchKey(writer))
    const partner = branches[index]
    if (partner === undefined) throw incompatible(path, writer, { kind: 'union', branches })
    const step = compile(writer, partner, path)
    return (from, to) => {
      to.writeLong(index)
      step(from, to)
    }
  }

  return compile
}

/** Whether fields that both sides have stand in the same order, so that one pass is enough. */
function inOrder(order: readonly number[]): boolean {
  const common = order.filter((index) => index >= 0)
  return common.every((index, i) => i === 0 || index > (common[i - 1] ?? -1))
}

function streaming(
  order: readonly number[],
  incoming: readonly Step[],
  constants: readonly (Buffer | null)[],
): Step {
  const steps: Step[] = []
  let next = 0
  order.forEach((index, i) => {
    const constant = constants[i]
    if (constant) {
      steps.push((_from, to) => to.writeRaw(constant))
    } else {
      steps.push(...incoming.slice(next, index + 1))
      next = index + 1
    }
  })
  return sequence([...steps, ...incoming.slice(next)])
}

function buffered(
  order: readonly number[],
  incoming: readonly Step[],
  constants: readonly (Buffer | null)[],
): Step {
  return (from, to) => {
    const values = incoming.map((step) => {
      const value = new ByteWriter(64)
      step(from, value)
      return value.take()
    })
    order.forEach((index, i) => {
      to.writeRaw(values[index] ?? constants[i] ?? Buffer.alloc(0))
    })
  }
}

function sequence(steps: readonly Step[]): Step {
  return (from, to) => {
    for (const step of steps) step(from, to)
  }
}

/** Reads a value that the newest schema has no place for. */
function dropped(step: Step): Step {
  const sink = new ByteWriter(64)
  return (from) => {
    sink.reset()
    step(from, sink)
  }
}

function blocks(item: Step): Step {
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

function symbols(writer: EnumNode, reader: EnumNode, path: string): Step {
  const fallback = reader.default === null ? -1 : reader.symbols.indexOf(reader.default)
  const table = writer.symbols.map((symbol) => {
    const index = reader.symbols.indexOf(symbol)
    if (index < 0 && fallback < 0) throw incompatible(path, writer, reader)
    return index < 0 ? fallback : index
  })
  return (from, to) => to.writeLong(table[from.readLong()] ?? fallback)
}

function primitive(writer: AvroNode, reader: AvroNode): Step | null {
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
      return writer.logicalType === 'uuid' ? copyUuid : copyBytes
    case 'bytes':
      return copyBytes
    default:
      return null
  }
}

const copyBytes: Step = (from, to) => to.writeBytes(from.readBytes())

const copyUuid: Step = (from, to) => to.writeString(from.readString().toLowerCase())

/** All 64 bits: a long may lie beyond what a number holds. */
const copyLong: Step = (from, to) => {
  const start = from.pos
  const rough = from.skimLong()
  if (Number.isSafeInteger(rough)) return to.writeLong(rough)
  from.pos = start
  to.writeLong(from.readBigLong())
}

function copyFixed(size: number): Step {
  return (from, to) => to.writeFixed(from.readFixed(size))
}

function fieldDefault(type: AvroNode, value: unknown, path: string, name: string): Buffer {
  if (value !== undefined) return defaultBytes(type, value)
  throw new DaybookError(
    'DAYBOOK_SCHEMA_INCOMPATIBLE',
    `Field ${path === '' ? name : `${path}.${name}`} is missing in the writer's schema and has no default.`,
  )
}

function incompatible(path: string, writer: AvroNode, reader: AvroNode): DaybookError {
  return new DaybookError(
    'DAYBOOK_SCHEMA_INCOMPATIBLE',
    `Field ${path || '(root)'} cannot be read: the writer's type is ${branchKey(writer)}, the newest is ${branchKey(reader)}.`,
    { details: { field: path } },
  )
}

import { compileAppendingResolver } from './appending-resolver.ts'
import { type AvroNode, branchKey, parseRecordSchema, type RecordNode } from './avro-node.ts'
import type { AvroRecordSchema } from './avro-schema.ts'
import { ByteReader, ByteWriter } from './bytes.ts'
import { defaultBytes } from './default-bytes.ts'
import { DaybookError } from './errors.ts'
import {
  blocks,
  copyBytes,
  copyFixed,
  dropped,
  primitive,
  type Step,
  sequence,
  symbols,
} from './resolve-steps.ts'

/**
 * Re-encodes one record. The result is a view that the next call overwrites. The input must have passed the
 * writer's skipper: resolvers trust lengths and indexes.
 */
export type Resolver = (buf: Buffer, start: number, end: number) => Buffer

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
  const step = new Compiler().compile(parseRecordSchema(writer), parseRecordSchema(newest), '')
  const append = compileAppendingResolver(writer, newest)
  const out = new ByteWriter()
  return (buf, start, end) => {
    const appended = append?.(buf, start, end)
    if (appended) return appended
    out.reset()
    step(new ByteReader(buf, start, end), out)
    return out.take()
  }
}

class Compiler {
  readonly #records = new Map<RecordNode, Map<RecordNode, Step>>()

  compile(writer: AvroNode, reader: AvroNode, path: string): Step {
    if (writer.kind === 'union') return this.#fromUnion(writer.branches, reader, path)
    if (reader.kind === 'union') return this.#intoUnion(writer, reader.branches, path)
    let step: Step | null = null
    switch (writer.kind) {
      case 'record':
        if (reader.kind === 'record') return this.#record(writer, reader, path)
        break
      case 'array':
        if (reader.kind === 'array') return blocks(this.compile(writer.items, reader.items, `${path}[]`))
        break
      case 'map':
        if (reader.kind === 'map')
          return blocks(sequence([copyBytes, this.compile(writer.values, reader.values, `${path}{}`)]))
        break
      case 'enum':
        step = reader.kind === 'enum' ? symbols(writer, reader) : null
        break
      case 'fixed':
        if (reader.kind === 'fixed' && reader.size === writer.size) return copyFixed(writer.size)
        break
      default:
        step = primitive(writer, reader)
    }
    if (step === null) throw incompatible(path, writer, reader)
    return step
  }

  #record(writer: RecordNode, reader: RecordNode, path: string): Step {
    const known = this.#records.get(writer)?.get(reader)
    if (known !== undefined) return known
    let compiled: Step | undefined
    const byReader = this.#records.get(writer) ?? new Map<RecordNode, Step>()
    this.#records.set(writer, byReader)
    byReader.set(reader, (from, to) => compiled?.(from, to))
    compiled = this.#recordSteps(writer, reader, path)
    return compiled
  }

  #recordSteps(writer: RecordNode, reader: RecordNode, path: string): Step {
    const order = reader.fields.map((field) => writer.fields.findIndex((other) => other.name === field.name))
    const incoming = writer.fields.map((field) => {
      const partner = reader.fields.find((other) => other.name === field.name)
      const at = path === '' ? field.name : `${path}.${field.name}`
      return partner === undefined
        ? dropped(this.compile(field.type, field.type, at))
        : this.compile(field.type, partner.type, at)
    })
    const constants = reader.fields.map((field, i) =>
      order[i] === -1 ? fieldDefault(field.type, field.default, path, field.name) : null,
    )
    return inOrder(order) ? streaming(order, incoming, constants) : buffered(order, incoming, constants)
  }

  #fromUnion(branches: readonly AvroNode[], reader: AvroNode, path: string): Step {
    if (reader.kind !== 'union') throw incompatible(path, { kind: 'union', branches }, reader)
    const steps = branches.map((branch) => this.#intoUnion(branch, reader.branches, path))
    return (from, to) => steps[from.readLong()]?.(from, to)
  }

  #intoUnion(writer: AvroNode, branches: readonly AvroNode[], path: string): Step {
    const index = branches.findIndex((branch) => branchKey(branch) === branchKey(writer))
    const partner = branches[index]
    if (partner === undefined) throw incompatible(path, writer, { kind: 'union', branches })
    const step = this.compile(writer, partner, path)
    return (from, to) => {
      to.writeLong(index)
      step(from, to)
    }
  }
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

import { compileAppendingResolver } from './appending-resolver.ts'
import {
  type AvroNode,
  branchIndexes,
  branchKey,
  type FieldNode,
  fieldIndexes,
  parseRecordSchema,
  type RecordNode,
} from './avro-node.ts'
import type { AvroRecordSchema } from './avro-schema.ts'
import { ByteReader, ByteWriter } from './bytes.ts'
import { DefaultsBudget, defaultBytes } from './default-bytes.ts'
import { DaybookError } from './errors.ts'
import { type MinimalSize, minimalSizes } from './minimal-size.ts'
import {
  blocks,
  copyBytes,
  copyFixed,
  dropped,
  primitive,
  type Step,
  scratchWriters,
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
  const step = compileStep(parseRecordSchema(writer), parseRecordSchema(newest))
  let append: ((buf: Buffer, start: number, end: number) => Buffer | null) | null = null
  let calls = 0
  let out = new ByteWriter()
  return (buf, start, end) => {
    if (++calls === APPENDING_FROM) append = compileAppendingResolver(writer, newest)
    const appended = append?.(buf, start, end)
    if (appended) return appended
    out.reset()
    step(new ByteReader(buf, start, end), out)
    const result = out.take()
    if (result.length > MAX_KEPT_BYTES) out = new ByteWriter()
    return result
  }
}

/**
 * The step alone, without what makes it quick. A record grows by it to at most 20 times its size and
 * `MAX_DEFAULT_BYTES`, whatever the schemas say.
 * @throws DaybookError DAYBOOK_SCHEMA_INCOMPATIBLE, DAYBOOK_SCHEMA_INVALID when the schemas do not go together
 */
export function compileStep(writer: RecordNode, newest: RecordNode): Step {
  return new Compiler(minimalSizes(writer)).compile(writer, newest, '')
}

/** The quicker way needs code made for it, which a few records are not worth. */
const APPENDING_FROM = 50
/** A resolver keeps no more memory than this for its next result. */
const MAX_KEPT_BYTES = 256 * 1024
/** Records of different names that stand in lists of each other can meet in as many pairs as their numbers' product. */
const MAX_PAIRS = 1_000
/**
 * By so many times the least size of its bytes a record may grow that can stand in another one many times: a few
 * bytes of input for each of them must not become thousands.
 */
const MAX_GROWTH = 16

/** A record of the writer as one of the reader. */
interface Pair {
  step: Step | null
  /** Bytes that it has more than it had, at most, without those of records in it. */
  growth: number
  /** It can stand in a record many times: in an array, in a map, or in itself. */
  isRepeated: boolean
}

class Compiler {
  readonly #pairs = new Map<RecordNode, Map<RecordNode, Pair>>()
  readonly #defaults = new DefaultsBudget()
  readonly #size: MinimalSize
  #count = 0
  #blocks = 0
  #growth = 0

  constructor(size: MinimalSize) {
    this.#size = size
  }

  compile(writer: AvroNode, reader: AvroNode, path: string): Step {
    if (writer.kind === 'union') return this.#fromUnion(writer.branches, reader, path)
    if (reader.kind === 'union') {
      this.#growth++
      return this.#intoUnion(writer, reader.branches, path)
    }
    let step: Step | null = null
    switch (writer.kind) {
      case 'record':
        if (reader.kind === 'record') return this.#record(writer, reader, path)
        break
      case 'array':
        if (reader.kind === 'array') return blocks(this.#item(writer.items, reader.items, `${path}[]`))
        break
      case 'map':
        if (reader.kind === 'map')
          return blocks(sequence([copyBytes, this.#item(writer.values, reader.values, `${path}{}`)]))
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

  #item(writer: AvroNode, reader: AvroNode, path: string): Step {
    this.#blocks++
    const step = this.compile(writer, reader, path)
    this.#blocks--
    return step
  }

  #record(writer: RecordNode, reader: RecordNode, path: string): Step {
    const byReader = this.#pairs.get(writer) ?? new Map<RecordNode, Pair>()
    this.#pairs.set(writer, byReader)
    const known = byReader.get(reader)
    const pair = known ?? { step: null, growth: 0, isRepeated: false }
    if (this.#blocks > 0 || (known !== undefined && known.step === null)) pair.isRepeated = true
    if (known === undefined) {
      if (++this.#count > MAX_PAIRS) throw incompatible(path, writer, reader)
      byReader.set(reader, pair)
      const outer = this.#growth
      this.#growth = 0
      pair.step = this.#recordSteps(writer, reader, path)
      pair.growth = this.#growth
      this.#growth = outer
    }
    if (pair.step !== null && pair.isRepeated && pair.growth > MAX_GROWTH * this.#size(writer))
      throw growsTooMuch(path)
    return pair.step ?? ((from, to) => pair.step?.(from, to))
  }

  #recordSteps(writer: RecordNode, reader: RecordNode, path: string): Step {
    const [places, partners] = [fieldIndexes(writer), fieldIndexes(reader)]
    const order = reader.fields.map(({ name }) => places.get(name) ?? -1)
    const incoming = writer.fields.map((field) => {
      const partner = reader.fields[partners.get(field.name) ?? -1]
      const at = path === '' ? field.name : `${path}.${field.name}`
      return partner === undefined
        ? dropped(this.compile(field.type, field.type, at))
        : this.compile(field.type, partner.type, at)
    })
    const constants = reader.fields.map((field, i) => (order[i] === -1 ? this.#default(field, path) : null))
    return inOrder(order) ? streaming(order, incoming, constants) : buffered(order, incoming, constants)
  }

  #default({ type, name, default: value }: FieldNode, path: string): Buffer {
    if (value === undefined)
      throw new DaybookError(
        'DAYBOOK_SCHEMA_INCOMPATIBLE',
        `Field ${path === '' ? name : `${path}.${name}`} is missing in the writer's schema and has no default.`,
      )
    const bytes = defaultBytes(type, value, this.#defaults)
    this.#growth += bytes.length
    return bytes
  }

  #fromUnion(branches: readonly AvroNode[], reader: AvroNode, path: string): Step {
    if (reader.kind !== 'union') throw incompatible(path, { kind: 'union', branches }, reader)
    const steps = branches.map((branch) => this.#intoUnion(branch, reader.branches, path))
    return (from, to) => steps[from.readLong()]?.(from, to)
  }

  #intoUnion(writer: AvroNode, branches: readonly AvroNode[], path: string): Step {
    const index = branchIndexes(branches).get(branchKey(writer)) ?? -1
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
  const scratch = scratchWriters(incoming.length)
  return (from, to) => {
    const writers = scratch.take()
    incoming.forEach((step, i) => {
      const value = writers[i]
      if (value !== undefined) step(from, value)
    })
    order.forEach((index, i) => {
      to.writeRaw(writers[index]?.take() ?? constants[i] ?? Buffer.alloc(0))
    })
    scratch.giveBack(writers)
  }
}

function growsTooMuch(path: string): DaybookError {
  return new DaybookError(
    'DAYBOOK_SCHEMA_INCOMPATIBLE',
    `Field ${path || '(root)'} cannot be read: each of its records would grow to more than ${MAX_GROWTH} times its size by defaults.`,
    { details: { field: path } },
  )
}

function incompatible(path: string, writer: AvroNode, reader: AvroNode): DaybookError {
  return new DaybookError(
    'DAYBOOK_SCHEMA_INCOMPATIBLE',
    `Field ${path || '(root)'} cannot be read: the writer's type is ${branchKey(writer)}, the newest is ${branchKey(reader)}.`,
    { details: { field: path } },
  )
}

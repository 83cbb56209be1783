import fc from 'fast-check'
import { type AvroNode, parseRecordSchema, type RecordNode } from '../../schemas/avro-node.ts'
import type { AvroRecordSchema } from '../../schemas/avro-schema.ts'
import { ByteWriter } from '../../schemas/bytes.ts'

/** A schema and bytes that are, or once were, one record of it. */
export interface RandomRecord {
  readonly schema: AvroRecordSchema
  readonly bytes: Buffer
}

type Numbers = (below: number) => number

/** A schema of any shape: every type, logical types, recursion, types that take no bytes, a type used in many places. */
function randomSchema(numbers: Numbers): AvroRecordSchema {
  const named: string[] = []
  let names = 0
  const type = (depth: number): unknown => {
    const kind = numbers(depth > 0 ? 22 : 14)
    if (kind === 13 && named.length > 0) return ['null', named[numbers(named.length)]]
    switch (kind) {
      case 0:
        return 'null'
      case 1:
        return 'boolean'
      case 2:
        return 'int'
      case 3:
        return 'long'
      case 4:
        return { type: 'long', logicalType: 'timestamp-millis' }
      case 5:
        return { type: 'string', logicalType: 'uuid' }
      case 6:
        return 'float'
      case 7:
        return 'double'
      case 8:
        return 'bytes'
      case 9:
        return { type: 'fixed', name: `F${names++}`, size: numbers(5) }
      case 10:
        return { type: 'enum', name: `E${names++}`, symbols: symbols(1 + numbers(numbers(4) === 0 ? 90 : 5)) }
      case 14:
      case 15:
        return { type: 'array', items: type(depth - 1) }
      case 16:
      case 17:
        return { type: 'map', values: type(depth - 1) }
      case 18:
        return union(depth - 1)
      case 19:
      case 20:
        return record(depth - 1, numbers(4))
      case 21:
        return ['null', record(depth - 1, numbers(4))]
      default:
        return 'string'
    }
  }
  const symbols = (count: number) => Array.from({ length: count }, (_, n) => `S${n}`)
  const union = (depth: number) => {
    const from = numbers(4)
    const plain = ['null', 'string', 'long', 'boolean', 'bytes'].slice(from, from + 1 + numbers(5))
    return numbers(2) === 0 ? plain : [...plain, record(depth, 2)]
  }
  const record = (depth: number, fields: number): AvroRecordSchema => {
    const name = `R${names++}`
    const made = Array.from({ length: fields }, (_, n) => {
      if (n === 1) named.push(name)
      return { name: `f${n}`, type: type(depth) }
    })
    return JSON.parse(JSON.stringify({ type: 'record', name, fields: made }))
  }
  return record(3, 1 + numbers(5))
}

/** One record's bytes, now and then in another form than our encoder's, or with a value that no store holds. */
function encode(root: RecordNode, numbers: Numbers): Buffer {
  const w = new ByteWriter(64)
  const rarely = () => numbers(12) === 0
  let budget = 300
  const long = (value: number | bigint) => {
    w.writeLong(value)
    if (!rarely()) return
    const last = w.take().at(-1) ?? 0
    w.length--
    w.writeByte(last | 0x80)
    w.writeByte(0)
  }
  const bytes = (value: Uint8Array) => {
    long(value.length)
    w.writeRaw(value)
  }
  const text = () => bytes(Buffer.from(TEXTS[numbers(TEXTS.length)] ?? ''))
  const blocks = (item: () => void) => {
    for (let left = budget > 0 ? numbers(3) : 0; left > 0; left--) {
      const count = 1 + numbers(4)
      if (rarely()) {
        const start = w.length
        for (let n = 0; n < count; n++) item()
        const body = Buffer.from(w.take().subarray(start))
        w.length = start
        long(-count)
        long(body.length + (rarely() ? 1 : 0))
        w.writeRaw(body)
      } else {
        long(count)
        for (let n = 0; n < count; n++) item()
      }
    }
    long(0)
  }
  const value = (node: AvroNode): void => {
    budget--
    switch (node.kind) {
      case 'null':
        break
      case 'boolean':
        w.writeByte(rarely() ? 2 : numbers(2))
        break
      case 'int':
        long(pick(INTS, numbers))
        break
      case 'long':
        long(
          node.logicalType === null
            ? pick(LONGS, numbers)
            : rarely()
              ? pick(LONGS, numbers)
              : pick(TIMES, numbers),
        )
        break
      case 'float':
        w.writeRaw(Buffer.alloc(4, numbers(256)))
        break
      case 'double':
        w.writeRaw(Buffer.alloc(8, numbers(256)))
        break
      case 'fixed':
        w.writeRaw(Buffer.alloc(node.size, numbers(256)))
        break
      case 'bytes':
        bytes(Buffer.alloc(numbers(10), numbers(256)))
        break
      case 'string':
        if (node.logicalType === null || rarely()) text()
        else bytes(Buffer.from(UUIDS[numbers(UUIDS.length)] ?? ''))
        break
      case 'enum':
        long(rarely() ? node.symbols.length : numbers(node.symbols.length))
        break
      case 'union': {
        const index = budget > 0 ? numbers(node.branches.length) : 0
        long(rarely() ? node.branches.length : index)
        const branch = node.branches[index]
        if (branch !== undefined) value(branch)
        break
      }
      case 'array':
        blocks(() => value(node.items))
        break
      case 'map':
        blocks(() => {
          text()
          value(node.values)
        })
        break
      case 'record':
        for (const field of node.fields) value(field.type)
    }
  }
  value(root)
  return Buffer.from(w.take())
}

const TEXTS = [
  '',
  'a',
  'abc',
  'ß',
  '€uro',
  '😀',
  '\u{10ffff}',
  '\ud7ff\ue000',
  'x'.repeat(70),
  'ü'.repeat(200),
]
const UUIDS = ['01936f3e-8a00-7cc3-9d1e-0123456789ab', '01936F3E-8A00-7CC3-9D1E-0123456789AB']
const INTS = [0, 1, -1, 63, -64, 64, 2 ** 31 - 1, -(2 ** 31)]
const LONGS = [...INTS, 2 ** 31, 2 ** 53 - 1, -(2n ** 53n), 2n ** 63n - 1n, -(2n ** 63n)]
const TIMES = [0, 1_700_000_000_000, Date.UTC(1900, 0, 1), Date.UTC(2300, 0, 1) - 1]

function pick<T>(from: readonly T[], numbers: Numbers): T {
  const one = from[numbers(from.length)]
  if (one === undefined) throw new RangeError('nothing to pick from')
  return one
}

/** What stands at the edge of something in Avro: counts, lengths, signs, ten-byte integers, UTF-8's forbidden bytes. */
const EDGES = [
  ...['00', '01', '02', '03', '7e', '7f', '80', '8001', 'ff', 'c080', 'eda080', 'f4908080', 'e282'],
  ...['ffffffffffffffffff01', 'feffffffffffffffff01', '80808080808080808001', 'ffffffffffffffffffff01'],
  ...['8000', '80808080808080808000', 'feffffff0f', 'ffffffff0f', '8080808010', '8094ebdc03'],
].map((hex) => Buffer.from(hex, 'hex'))

function mutated(bytes: Buffer, numbers: Numbers): Buffer {
  const at = numbers(bytes.length + 1)
  const edge = pick(EDGES, numbers)
  switch (numbers(6)) {
    case 0:
      return bytes.subarray(0, at)
    case 1:
      return Buffer.concat([bytes.subarray(0, at), edge, bytes.subarray(at)])
    case 2:
      return Buffer.concat([bytes.subarray(0, at), edge, bytes.subarray(at + edge.length)])
    case 3:
      return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1 + numbers(4))])
    default: {
      const changed = Buffer.from(bytes)
      if (at < changed.length) changed[at] = numbers(256)
      return changed
    }
  }
}

/** Half of the records as they were written, the others changed in one to three places. */
export function randomRecord(): fc.Arbitrary<RandomRecord> {
  return fc.nat().map((seed) => {
    const numbers = numbersFrom(seed)
    const schema = randomSchema(numbers)
    let bytes = encode(parseRecordSchema(schema), numbers)
    for (let left = numbers(2) * (1 + numbers(3)); left > 0; left--) bytes = mutated(bytes, numbers)
    return { schema, bytes }
  })
}

/** The same, of one schema. */
export function mutationsOf(records: readonly Buffer[]): fc.Arbitrary<Buffer> {
  return fc.nat().map((seed) => {
    const numbers = numbersFrom(seed)
    let bytes = pick(records, numbers)
    for (let left = 1 + numbers(3); left > 0; left--) bytes = mutated(bytes, numbers)
    return bytes
  })
}

/** mulberry32 */
function numbersFrom(seed: number): Numbers {
  let state = seed | 0
  return (below) => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return Math.floor((((t ^ (t >>> 14)) >>> 0) / 2 ** 32) * below)
  }
}

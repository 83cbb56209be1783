import type { AvroNode, RecordNode } from './avro-node.ts'
import { DaybookError } from './errors.ts'
import { type MinimalSize, minimalSizes } from './minimal-size.ts'
import { SkipFault, TIME_END_MILLIS, TIME_START_MILLIS } from './skip-runtime.ts'

/**
 * Writes the JavaScript of a structure checker for one record schema.
 *
 * The text holds numbers and names chosen here, never text out of the schema: schemas come from a registry that
 * others write to. Its size is linear in the schema: the fields of the top level and of its nested records stand
 * in line (which makes it fast), every other record is a function of its own.
 *
 * In the text: `b` bytes, `p` position, `end`, `d` depth of records, `S` the shared state, `A` the positions asked for.
 */
export interface SkipSource {
  /** Body of a function of (R, S, A) that gives `check`. */
  readonly body: string
  /** Flattened name of each field, by the index that generated code stores in `S.field`. */
  readonly fields: readonly string[]
  /** Paths of the positions asked for that the schema has, by the index in `A`. */
  readonly positions: readonly string[]
}

/** How a fault leaves the code being written: `check` gives the fault, a record's function minus the fault. */
type Fail = (faultExpression: string | number) => string

/** Deeper records are refused. A recursive schema could otherwise overflow the stack with a few hundred bytes. */
const MAX_RECORD_DEPTH = 64
/** Of each type's code, that of the types inside included: some ten times what the event schema takes. */
const MAX_CHARACTERS = 1_000_000

/** `wanted`: fields whose values' positions are noted; `ends`: fields of any type of which only the end is noted. */
export function skipSource(
  root: RecordNode,
  wanted: readonly string[],
  ends: readonly string[] = [],
): SkipSource {
  const writer = new SourceWriter(wanted, ends, minimalSizes(root))
  const check = writer.check(root)
  const body = `'use strict'
const { readVarint, skipUtf8, isUuidText } = R
${writer.functions.join('\n')}
return function check(b, p, end) {
let n = 0, x = 0, e = 0, m = 0, v = 0
const d = 0
S.canonical = true
S.emptyItems = end - p
${check}
return 0
}`
  return { body, fields: writer.fields, positions: writer.positions }
}

class SourceWriter {
  readonly functions: string[] = []
  readonly fields: string[] = []
  readonly positions: string[] = []
  readonly #wanted: ReadonlySet<string>
  readonly #ends: ReadonlySet<string>
  readonly #functionOf = new Map<RecordNode, string>()
  readonly #size: MinimalSize
  #variables = 0
  #characters = 0

  constructor(wanted: readonly string[], ends: readonly string[], size: MinimalSize) {
    this.#wanted = new Set(wanted)
    this.#ends = new Set(ends)
    this.#size = size
  }

  check(root: RecordNode): string {
    const code: string[] = []
    for (const field of root.fields) {
      if (field.type.kind !== 'record') {
        code.push(this.#topLevel(field.name, field.type))
        continue
      }
      for (const inner of field.type.fields)
        code.push(this.#topLevel(`${field.name}_${inner.name}`, inner.type))
    }
    this.fields.push('')
    const last = this.fields.length - 1
    code.push(`if (p !== end) { S.field = ${last}; return ${SkipFault.TRAILING} }`)
    return code.join('\n')
  }

  #topLevel(name: string, type: AvroNode): string {
    const index = this.fields.push(name) - 1
    const fail: Fail = (fault) => `{ S.field = ${index}; return ${fault} }`
    if (this.#ends.has(name)) {
      return `${this.#type(type, fail)}\nA[${this.positions.push(name) - 1}].end = p`
    }
    if (!this.#wanted.has(name)) return this.#type(type, fail)
    const at = `A[${this.positions.push(name) - 1}]`
    const reset = type.kind === 'union' ? `${at}.start = ${at}.end = -1\n` : ''
    return reset + this.#type(type, fail, at)
  }

  /** Code that moves `p` over one value. `at`: where to note the value's position, lengths and union indexes left out. */
  #type(type: AvroNode, fail: Fail, at?: string): string {
    // Values that take no bytes cost nothing: a tree of empty records would otherwise cost without end.
    const code = this.#size(type) === 0 ? '' : this.#code(type, fail, at)
    this.#characters += code.length
    if (this.#characters > MAX_CHARACTERS) throw tooLarge()
    return code
  }

  #code(type: AvroNode, fail: Fail, at?: string): string {
    switch (type.kind) {
      case 'null':
        return ''
      case 'boolean':
        return `${atEnd(fail)} if (b[p++] > 1) ${fail(SkipFault.BOOLEAN)}`
      case 'int':
      case 'long':
        return integer(type.kind, type.logicalType, fail, at)
      case 'float':
        return fixed(4, fail)
      case 'double':
        return fixed(8, fail)
      case 'fixed':
        return fixed(type.size, fail)
      case 'bytes':
      case 'string':
        return lengthPrefixed(type.kind, type.logicalType, fail, at)
      case 'enum':
        return `${index(fail)} if (x >= ${type.symbols.length}) ${fail(SkipFault.ENUM_INDEX)}`
      case 'union':
        return this.#union(type.branches, fail, at)
      case 'array':
        return this.#blocks(type.items, false, fail)
      case 'map':
        return this.#blocks(type.values, true, fail)
      case 'record':
        return `p = ${this.#function(type)}(b, p, end, d + 1); if (p < 0) ${fail('-p')}`
    }
  }

  #union(branches: readonly AvroNode[], fail: Fail, at?: string): string {
    const [first, second] = branches
    if (branches.length === 2 && first?.kind === 'null' && second !== undefined) {
      return `${index(fail)} if (x === 1) { ${this.#type(second, fail, at)} } else if (x !== 0) ${fail(SkipFault.UNION_INDEX)}`
    }
    const cases = branches.map((branch, i) => `case ${i}: { ${this.#type(branch, fail, at)} break }`)
    return `${index(fail)} switch (x) { ${cases.join(' ')} default: ${fail(SkipFault.UNION_INDEX)} }`
  }

  /** Array and map: blocks of a count, when negative followed by the block's size in bytes, until a count of zero. */
  #blocks(items: AvroNode, keyed: boolean, fail: Fail): string {
    const id = this.#variables++
    const [count, size, blocks] = [`c${id}`, `z${id}`, `k${id}`]
    const smallest = this.#size(items) + (keyed ? 1 : 0)
    const key = keyed ? lengthPrefixed('string', null, fail) : ''
    const bound =
      smallest > 0
        ? `if (${count} * ${smallest} > end - p) ${fail(SkipFault.COUNT)}`
        : `S.emptyItems -= ${count}; if (S.emptyItems < 0) ${fail(SkipFault.COUNT)}`
    const loop = smallest > 0 ? `for (; ${count} > 0; ${count}--) { ${key} ${this.#type(items, fail)} }` : ''
    return `for (let ${blocks} = 0, ${count} = 0, ${size} = -1; ; ${blocks}++) {
${signed(fail)}
if (v === 0) { if (${blocks} > 1) S.canonical = false; break }
${count} = v; ${size} = -1
if (v < 0) {
${count} = -v; S.canonical = false
${signed(fail)}
if (v < 0 || v > end - p) ${fail(SkipFault.BLOCK_SIZE)}
${size} = p + v
}
${bound}
${loop}
if (${size} >= 0 && p !== ${size}) ${fail(SkipFault.BLOCK_SIZE)}
}`
  }

  #function(record: RecordNode): string {
    const known = this.#functionOf.get(record)
    if (known !== undefined) return known
    const name = `r${this.#functionOf.size}`
    this.#functionOf.set(record, name)
    const fail: Fail = (fault) => `{ return -(${fault}) }`
    const fields = record.fields.map((field) => this.#type(field.type, fail))
    this.functions.push(`function ${name}(b, p, end, d) {
let n = 0, x = 0, e = 0, m = 0, v = 0
if (d > ${MAX_RECORD_DEPTH}) ${fail(SkipFault.DEPTH)}
${fields.join('\n')}
return p
}`)
    return name
  }
}

function tooLarge(): DaybookError {
  return new DaybookError(
    'DAYBOOK_SCHEMA_INVALID',
    'Not a usable Avro schema: the code that checks its records would be too large.',
  )
}

function atEnd(fail: Fail): string {
  return `if (p >= end) ${fail(SkipFault.TRUNCATED)}`
}

function fixed(size: number, fail: Fail): string {
  return `if (end - p < ${size}) ${fail(SkipFault.TRUNCATED)} p += ${size};`
}

/** Enum or union index into `x`. */
function index(fail: Fail): string {
  return `${atEnd(fail)}
x = b[p++]
if (x & 0x81) { x = readVarint(b, p - 1, end, S); p = S.pos; if (p < 0) ${fail('-p')} if (x < 0) x = Infinity } else x >>= 1
`
}

/** A signed varint into `v`. */
function signed(fail: Fail): string {
  return `${atEnd(fail)}
v = b[p++]
if (v & 0x81) { v = readVarint(b, p - 1, end, S); p = S.pos; if (p < 0) ${fail('-p')} } else v >>= 1
`
}

function integer(kind: 'int' | 'long', logicalType: string | null, fail: Fail, at?: string): string {
  const start = at === undefined ? '' : `${at}.start = p;`
  const end = at === undefined ? '' : `${at}.end = p;`
  if (kind === 'int') {
    return `${start} ${signed(fail)} if (v > 0x7fffffff || v < -0x80000000) ${fail(SkipFault.VARINT)} ${end}`
  }
  if (logicalType === 'timestamp-millis') {
    const range = `if (v < ${TIME_START_MILLIS} || v >= ${TIME_END_MILLIS}) ${fail(SkipFault.TIMESTAMP)}`
    return `${start} ${signed(fail)} ${range} ${end}`
  }
  return `${start} ${atEnd(fail)}
if (b[p] < 0x80) p++; else { readVarint(b, p, end, S); p = S.pos; if (p < 0) ${fail('-p')} }
${end}`
}

function lengthPrefixed(
  kind: 'bytes' | 'string',
  logicalType: string | null,
  fail: Fail,
  at?: string,
): string {
  const note = at === undefined ? '' : `${at}.start = p; ${at}.end = e;`
  const head = `${atEnd(fail)}
n = b[p++]
if (n & 0x81) { n = readVarint(b, p - 1, end, S); p = S.pos; if (p < 0) ${fail('-p')} } else n >>= 1
if (n < 0 || n > end - p) ${fail(SkipFault.LENGTH)}
e = p + n
${note}`
  if (kind === 'bytes') return `${head}\np = e;`
  if (logicalType === 'uuid') {
    return `${head}
if (!isUuidText(b, p, e, S)) ${fail(SkipFault.UUID)}
p = e;`
  }
  return `${head}
m = 0
for (x = p; x < e; x++) m |= b[x]
if (m > 0x7f) { p = skipUtf8(b, p, e); if (p < 0) ${fail('-p')} } else p = e;`
}

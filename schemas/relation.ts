import { type AvroNode, branchKey, type RecordNode } from './avro-node.ts'

/**
 * How a writer's schema stands to the newest one that this build knows.
 *
 * Decided by comparing the schemas themselves: a registry's ids and version numbers do not say which schema has more
 * fields, and foreign producers may register subsets.
 */
export type SchemaRelation =
  /** The same bytes mean the same: only texts, defaults or logical types differ, if anything. */
  | 'same'
  /** Everything that the writer can say has a place in the newest: re-encoding loses nothing. */
  | 'older'
  /** The writer has a field, a symbol or a union branch that the newest lacks: re-encoding would lose it. */
  | 'newer'
  /** The types of a field do not go together. */
  | 'incompatible'

const RANK: Readonly<Record<SchemaRelation, number>> = { same: 0, older: 1, newer: 2, incompatible: 3 }

export function relationOf(writer: RecordNode, newest: RecordNode): SchemaRelation {
  return compare(writer, newest, new Map())
}

/** Pairs of records under comparison count as `same`, so that recursive types end. */
type Seen = Map<RecordNode, Set<RecordNode>>

function compare(writer: AvroNode, reader: AvroNode, seen: Seen): SchemaRelation {
  if (reader.kind === 'union') return compareUnion(writer, reader.branches, seen)
  switch (writer.kind) {
    case 'record':
      return reader.kind === 'record' ? compareRecord(writer, reader, seen) : 'incompatible'
    case 'enum':
      return reader.kind === 'enum' ? compareNames(writer.symbols, reader.symbols) : 'incompatible'
    case 'array':
      return reader.kind === 'array' ? compare(writer.items, reader.items, seen) : 'incompatible'
    case 'map':
      return reader.kind === 'map' ? compare(writer.values, reader.values, seen) : 'incompatible'
    case 'fixed':
      return reader.kind === 'fixed' && reader.size === writer.size ? 'same' : 'incompatible'
    case 'int':
      return reader.kind === 'int' ? 'same' : reader.kind === 'long' ? 'older' : 'incompatible'
    default:
      return reader.kind === writer.kind ? 'same' : 'incompatible'
  }
}

function compareRecord(writer: RecordNode, reader: RecordNode, seen: Seen): SchemaRelation {
  const partners = seen.get(writer) ?? new Set()
  if (partners.has(reader)) return 'same'
  seen.set(writer, partners.add(reader))
  const names = compareNames(
    writer.fields.map((field) => field.name),
    reader.fields.map((field) => field.name),
  )
  const types = writer.fields.map((field) => {
    const partner = reader.fields.find((other) => other.name === field.name)
    return partner === undefined ? 'newer' : compare(field.type, partner.type, seen)
  })
  const fillable = reader.fields.every(
    (field) => field.default !== undefined || writer.fields.some((other) => other.name === field.name),
  )
  return worst([names, ...types, fillable ? 'same' : 'incompatible'])
}

function compareUnion(writer: AvroNode, branches: readonly AvroNode[], seen: Seen): SchemaRelation {
  const own = writer.kind === 'union' ? writer.branches : [writer]
  const order = compareNames(own.map(branchKey), branches.map(branchKey))
  const wrapped = writer.kind === 'union' ? 'same' : 'older'
  const pairs = own.map((branch) => {
    const partner = branches.find((other) => branchKey(other) === branchKey(branch))
    return partner === undefined ? 'newer' : compare(branch, partner, seen)
  })
  return worst([order, wrapped, ...pairs])
}

/** Lists of names whose index or order is part of the encoding. */
function compareNames(writer: readonly string[], reader: readonly string[]): SchemaRelation {
  if (writer.some((name) => !reader.includes(name))) return 'newer'
  const equal = writer.length === reader.length && writer.every((name, i) => reader[i] === name)
  return equal ? 'same' : 'older'
}

function worst(relations: readonly SchemaRelation[]): SchemaRelation {
  return relations.reduce((a, b) => (RANK[b] > RANK[a] ? b : a), 'same')
}

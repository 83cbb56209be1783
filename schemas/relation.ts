import {
  type AvroNode,
  branchIndexes,
  branchKey,
  fieldIndexes,
  type RecordNode,
  symbolIndexes,
} from './avro-node.ts'

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

/**
 * More pairs of records than that are not looked at: two schemas whose records hold each other in lists could have as
 * many as the product of their numbers.
 */
const MAX_PAIRS = 1_000

/** Costs what both schemas have of fields, symbols and branches. */
export function relationOf(writer: RecordNode, newest: RecordNode): SchemaRelation {
  return compare(writer, newest, { pairs: new Map(), count: 0 })
}

/** Whether all that the writer can say has a place in the other schema. */
export function isCovered(relation: SchemaRelation): boolean {
  return relation === 'same' || relation === 'older'
}

type Indexes = ReadonlyMap<string, number>

/** Pairs of records under comparison count as `same`, so that recursive types end. */
interface Seen {
  readonly pairs: Map<RecordNode, Set<RecordNode>>
  count: number
}

function compare(writer: AvroNode, reader: AvroNode, seen: Seen): SchemaRelation {
  if (reader.kind === 'union') return compareUnion(writer, reader.branches, seen)
  switch (writer.kind) {
    case 'record':
      return reader.kind === 'record' ? compareRecord(writer, reader, seen) : 'incompatible'
    case 'enum':
      return reader.kind === 'enum'
        ? compareNames(symbolIndexes(writer), symbolIndexes(reader))
        : 'incompatible'
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
  const partners = seen.pairs.get(writer) ?? new Set()
  if (partners.has(reader)) return 'same'
  if (++seen.count > MAX_PAIRS) return 'incompatible'
  seen.pairs.set(writer, partners.add(reader))
  const [own, others] = [fieldIndexes(writer), fieldIndexes(reader)]
  const types = writer.fields.map((field) => {
    const partner = reader.fields[others.get(field.name) ?? -1]
    return partner === undefined ? 'newer' : compare(field.type, partner.type, seen)
  })
  const fillable = reader.fields.every((field) => field.default !== undefined || own.has(field.name))
  return worst([compareNames(own, others), ...types, fillable ? 'same' : 'incompatible'])
}

function compareUnion(writer: AvroNode, branches: readonly AvroNode[], seen: Seen): SchemaRelation {
  const own = writer.kind === 'union' ? writer.branches : [writer]
  const indexes = branchIndexes(branches)
  const order = compareNames(branchIndexes(own), indexes)
  const wrapped = writer.kind === 'union' ? 'same' : 'older'
  const pairs = own.map((branch) => {
    const partner = branches[indexes.get(branchKey(branch)) ?? -1]
    return partner === undefined ? 'newer' : compare(branch, partner, seen)
  })
  return worst([order, wrapped, ...pairs])
}

/** Names whose index or order is part of the encoding. */
function compareNames(writer: Indexes, reader: Indexes): SchemaRelation {
  let relation: SchemaRelation = writer.size === reader.size ? 'same' : 'older'
  for (const [name, index] of writer) {
    const other = reader.get(name)
    if (other === undefined) return 'newer'
    if (other !== index) relation = 'older'
  }
  return relation
}

function worst(relations: readonly SchemaRelation[]): SchemaRelation {
  return relations.reduce((a, b) => (RANK[b] > RANK[a] ? b : a), 'same')
}

import type { AvroNode, RecordNode } from './avro-node.ts'

/** Sizes are capped here, far above any record: products with counts stay finite. */
const LARGEST = 2 ** 40

/** The fewest bytes that a value of a type can take; Infinity where no finite value exists. 0: every value takes none. */
export type MinimalSize = (type: AvroNode) => number

/**
 * Least sizes of all types under `root`, by going over its records until nothing falls any more. A record that
 * contains itself only through unions, arrays or maps has finite values; one that contains itself otherwise has none.
 */
export function minimalSizes(root: RecordNode): MinimalSize {
  const records = [...recordsOf(root)]
  const known = new Map<RecordNode, number>()
  const size: MinimalSize = (type) => {
    switch (type.kind) {
      case 'null':
        return 0
      case 'float':
        return 4
      case 'double':
        return 8
      case 'fixed':
        return type.size
      case 'union':
        return 1 + Math.min(...type.branches.map(size))
      case 'record':
        return known.get(type) ?? Number.POSITIVE_INFINITY
      default:
        return 1
    }
  }
  let changed = true
  while (changed) {
    changed = false
    for (const record of records) {
      const sum = record.fields.reduce((total, field) => total + size(field.type), 0)
      const least = Number.isFinite(sum) ? Math.min(sum, LARGEST) : sum
      if (least === (known.get(record) ?? Number.POSITIVE_INFINITY)) continue
      known.set(record, least)
      changed = true
    }
  }
  return size
}

/** Inner records before outer ones where that is possible, so that few rounds are needed. */
function recordsOf(root: RecordNode): ReadonlySet<RecordNode> {
  const seen = new Set<AvroNode>()
  const ordered = new Set<RecordNode>()
  const visit = (type: AvroNode): void => {
    if (seen.has(type)) return
    seen.add(type)
    if (type.kind === 'array') visit(type.items)
    else if (type.kind === 'map') visit(type.values)
    else if (type.kind === 'union') for (const branch of type.branches) visit(branch)
    else if (type.kind === 'record') {
      for (const field of type.fields) visit(field.type)
      ordered.add(type)
    }
  }
  visit(root)
  return ordered
}

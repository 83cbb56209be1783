/**
 * A schema's text with each map as an array of `{key, value}` records, which has exactly the same bytes. For decoders
 * that make objects of maps by assignment: those lose the key `__proto__`, and let the last of two equal keys win.
 *
 * `logicalType`, when given, marks the arrays, so that a decoder can make maps of them in its own way.
 */
export function withMapEntries(schemaText: string, logicalType?: string): string {
  let entries = 0

  function type(node: unknown): unknown {
    if (Array.isArray(node)) return node.map(type)
    if (typeof node !== 'object' || node === null) return node
    const own: Readonly<Record<string, unknown>> = { ...node }
    if (own['type'] === 'map') return list(own['values'])
    if (own['type'] === 'array') return { ...own, items: type(own['items']) }
    if (own['type'] === 'record' && Array.isArray(own['fields']))
      return { ...own, fields: own['fields'].map(field) }
    return typeof own['type'] === 'object' ? { ...own, type: type(own['type']) } : own
  }

  function list(values: unknown): unknown {
    const fields = [
      { name: 'key', type: 'string' },
      { name: 'value', type: type(values) },
    ]
    const items = { type: 'record', name: `MapEntry${entries++}`, fields }
    return { type: 'array', items, ...(logicalType === undefined ? {} : { logicalType }) }
  }

  /** Defaults go: they are written as maps, and reading what was written needs none. */
  function field(node: unknown): unknown {
    if (typeof node !== 'object' || node === null) return node
    const { default: _, ...own }: Readonly<Record<string, unknown>> = { ...node }
    return { ...own, type: type(own['type']) }
  }

  return JSON.stringify(type(JSON.parse(schemaText)))
}

/** What a JSON value may be. Stricter than the SDK, which makes text of numbers: a file with other types is a mistake. */
export type Shape =
  | { readonly kind: 'text' | 'scalar' | 'time' | 'any' }
  | { readonly kind: 'object'; readonly fields: Readonly<Record<string, Shape>> }
  | { readonly kind: 'list'; readonly of: Shape }
  | { readonly kind: 'map'; readonly of: Shape }
  | { readonly kind: 'text-or-object'; readonly fields: Readonly<Record<string, Shape>> }

export interface ShapeFault {
  /** `changes[2].path` */
  readonly field: string
  /** Completes "<field> …". */
  readonly error: string
}

/** The first thing that is wrong; null where nothing is. An absent or null field is never wrong here. */
export function checkShape(value: unknown, shape: Shape, field: string): ShapeFault | null {
  if (value === undefined || value === null) return null
  switch (shape.kind) {
    case 'any':
      return null
    case 'text':
      return typeof value === 'string' ? null : mustBe(field, 'text', value)
    case 'scalar':
      return typeof value === 'object' ? mustBe(field, 'text, a number, true or false', value) : null
    case 'time':
      return timeFault(value, field)
    case 'list':
      return Array.isArray(value)
        ? firstOf(value.entries(), shape.of, field, true)
        : mustBe(field, 'an array', value)
    case 'map':
      return isPlain(value)
        ? firstOf(Object.entries(value), shape.of, field, false)
        : mustBe(field, 'an object', value)
    case 'text-or-object':
      if (typeof value === 'string') return null
      return objectFault(value, shape.fields, field, 'text or an object')
    case 'object':
      return objectFault(value, shape.fields, field, 'an object')
  }
}

function objectFault(
  value: unknown,
  fields: Readonly<Record<string, Shape>>,
  field: string,
  wanted: string,
): ShapeFault | null {
  if (!isPlain(value)) return mustBe(field, wanted, value)
  for (const [name, inner] of Object.entries(value)) {
    const path = field === '' ? name : `${field}.${name}`
    const shape = Object.hasOwn(fields, name) ? fields[name] : undefined
    if (shape === undefined)
      return { field: path, error: `is not known; known are ${Object.keys(fields).join(', ')}` }
    const fault = checkShape(inner, shape, path)
    if (fault !== null) return fault
  }
  return null
}

function firstOf(
  entries: Iterable<readonly [number | string, unknown]>,
  shape: Shape,
  field: string,
  isList: boolean,
): ShapeFault | null {
  for (const [key, item] of entries) {
    const path = isList ? `${field}[${key}]` : `${field}.${key}`
    if (isList && item === null) return mustBe(path, shape.kind === 'text' ? 'text' : 'an object', item)
    const fault = checkShape(item, shape, path)
    if (fault !== null) return fault
  }
  return null
}

const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)$/

function timeFault(value: unknown, field: string): ShapeFault | null {
  if (typeof value === 'number') return null
  if (typeof value === 'string' && TIME.test(value) && !Number.isNaN(Date.parse(value))) return null
  return {
    field,
    error: 'must be a time with its zone like 2026-11-21T10:00:00.000Z, or milliseconds since 1970',
  }
}

function isPlain(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function mustBe(field: string, wanted: string, value: unknown): ShapeFault {
  const kind = value === null ? 'null' : Array.isArray(value) ? 'an array' : `a ${typeof value}`
  return { field, error: `must be ${wanted}, not ${kind}` }
}

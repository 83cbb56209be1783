/** Readers of single values that an application handed over. None throws but for `Findings` under `throw`. */
import { DaybookError } from '../../../../schemas/errors.ts'
import type { Findings } from './findings.ts'

export function property(source: object, name: string, field: string, findings: Findings): unknown {
  try {
    return Reflect.get(source, name)
  } catch (error) {
    if (error instanceof DaybookError) throw error
    findings.cut(field, 'cannot be read')
    return undefined
  }
}

/** Fields as an application handed them over: each may be anything. */
export type UnknownFields<Name extends string> = { readonly [N in Name]?: unknown }

/**
 * The fields `names` of `source`. A getter that throws is named in `findings`, and the other fields are kept. Slow:
 * readers take all fields of an object in one destructuring first, which costs a third of reading them by name, and
 * come here only when that throws.
 */
export function readOneByOne<Name extends string>(
  source: object,
  names: readonly Name[],
  prefix: string,
  findings: Findings,
): UnknownFields<Name> {
  const fields: { [N in Name]?: unknown } = {}
  for (const name of names) fields[name] = property(source, name, prefix + name, findings)
  return fields
}

export function optionalText(value: unknown, field: string, findings: Findings): string | null {
  if (value === undefined || value === null) return null
  if (typeof value === 'string') return wellFormed(value, field, findings)
  if (typeof value === 'number' || typeof value === 'boolean' || typeof value === 'bigint')
    return String(value)
  findings.cut(field, `must be text, not ${kindOf(value)}`)
  return null
}

export function requiredText(value: unknown, field: string, findings: Findings): string {
  if (typeof value === 'string' && value !== '') return wellFormed(value, field, findings)
  if (typeof value === 'number' || typeof value === 'bigint') return String(value)
  findings.missing(
    field,
    value === undefined || value === null || value === ''
      ? 'is missing'
      : `must be text, not ${kindOf(value)}`,
  )
  return ''
}

/** The schema symbol of a lower-case name; anything else gives `fallback`. */
export function symbol<S extends string>(
  value: unknown,
  symbols: ReadonlyMap<unknown, S>,
  fallback: S,
  field: string,
  findings: Findings,
): S {
  if (value === undefined || value === null) return fallback
  const found = symbols.get(value)
  if (found !== undefined) return found
  findings.cut(field, `must be one of ${[...symbols.keys()].join(', ')}`)
  return fallback
}

export function symbolsOf<S extends string>(symbols: Readonly<Record<string, S>>): ReadonlyMap<unknown, S> {
  return new Map<unknown, S>(Object.entries(symbols))
}

/** A list longer than this is a mistake, and a sparse one would hold up the event loop. */
const MAX_ITEMS = 10_000

export function list(value: unknown, field: string, findings: Findings): readonly unknown[] {
  if (value === undefined || value === null) return []
  if (Array.isArray(value) && value.length <= MAX_ITEMS) return value
  if (Array.isArray(value)) {
    findings.replaced(field, `has ${value.length} items, of which ${MAX_ITEMS} were kept`)
    return value.slice(0, MAX_ITEMS)
  }
  findings.cut(field, `must be an array, not ${kindOf(value)}`)
  return []
}

export function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null
}

export function kindOf(value: unknown): string {
  if (value === null) return 'null'
  return Array.isArray(value) ? 'an array' : `a value of type ${typeof value}`
}

/** Avro strings are UTF-8, which cannot state a lone surrogate. */
function wellFormed(text: string, field: string, findings: Findings): string {
  if (text.isWellFormed()) return text
  findings.replaced(field, 'holds half of a surrogate pair')
  return text.toWellFormed()
}

/**
 * A changed value as JSON text; null stands for an absent one. Never throws: what JSON cannot state becomes text
 * (BigInt, NaN, infinities, invalid dates, cycles), and what cannot be read at all is left out and named.
 */
export function jsonText(value: unknown, field: string, findings: Findings): string | null {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return JSON.stringify(value)
    case 'undefined':
      return null
    case 'number':
      return Number.isFinite(value) ? String(value) : JSON.stringify(String(value))
    case 'bigint':
      return String(value)
    default:
      return value === null ? 'null' : structureText(value, field, findings)
  }
}

function structureText(value: unknown, field: string, findings: Findings): string | null {
  try {
    return JSON.stringify(value, plain) ?? null
  } catch {
    // A cycle, a getter or a toJSON that throws: take the slow way, which names what it leaves out.
  }
  try {
    return JSON.stringify(copyOf(value, field, findings, [])) ?? null
  } catch {
    findings.cut(field, 'cannot be written as JSON')
    return null
  }
}

/** JSON.stringify drops these silently or throws on them. */
function plain(_key: string, value: unknown): unknown {
  if (typeof value === 'bigint') return value.toString()
  if (typeof value === 'number' && !Number.isFinite(value)) return String(value)
  return value
}

const MAX_DEPTH = 64

function copyOf(value: unknown, field: string, findings: Findings, path: readonly object[]): unknown {
  if (typeof value !== 'object' || value === null) return plain('', value)
  if (path.includes(value)) return '[circular]'
  if (path.length >= MAX_DEPTH) return '[too deep]'
  const inner = [...path, value]
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? 'Invalid Date' : value.toISOString()
  if (Array.isArray(value)) return value.map((item) => copyOf(item, field, findings, inner))
  const copy: Record<string, unknown> = Object.create(null)
  for (const key of Object.keys(value)) {
    try {
      copy[key] = copyOf(Reflect.get(value, key), field, findings, inner)
    } catch (error) {
      if (error instanceof DaybookError) throw error
      findings.cut(`${field}.${key}`, 'cannot be read')
    }
  }
  return copy
}

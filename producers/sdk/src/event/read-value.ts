import { DaybookError } from '../../../../schemas/errors.ts'
import type { Findings } from './findings.ts'

/** Readers of single fields of what an application handed over. None throws but for `Findings` under `throw`. */

export function property(source: object, name: string, field: string, findings: Findings): unknown {
  try {
    return Reflect.get(source, name)
  } catch (error) {
    if (error instanceof DaybookError) throw error
    findings.cut(field, 'cannot be read')
    return undefined
  }
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

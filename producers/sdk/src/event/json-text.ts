import type { Findings } from './findings.ts'

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
      if (isFinding(error)) throw error
      findings.cut(`${field}.${key}`, 'cannot be read')
    }
  }
  return copy
}

/** Under `throw` a finding passes through. */
function isFinding(error: unknown): boolean {
  return error instanceof Error && error.name === 'DaybookError'
}

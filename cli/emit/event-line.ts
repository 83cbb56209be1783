import { checkShape, type Shape, type ShapeFault } from './shape.ts'

const TEXT: Shape = { kind: 'text' }
const SCALAR: Shape = { kind: 'scalar' }
const TARGET: Shape = { kind: 'object', fields: { type: TEXT, id: TEXT, name: TEXT } }

/** A line of the input: the SDK's EventInput, with `action` and `tenant` beside the other fields. */
export const EVENT_LINE: Shape = {
  kind: 'object',
  fields: {
    action: TEXT,
    tenant: TEXT,
    actor: {
      kind: 'object',
      fields: { id: TEXT, type: TEXT, name: TEXT, role: TEXT, affiliation: TEXT, onBehalfOf: TEXT },
    },
    target: TARGET,
    otherTargets: { kind: 'list', of: TARGET },
    category: TEXT,
    outcome: { kind: 'text-or-object', fields: { status: TEXT, code: SCALAR, reason: TEXT } },
    changes: {
      kind: 'list',
      of: { kind: 'object', fields: { path: TEXT, before: { kind: 'any' }, after: { kind: 'any' } } },
    },
    request: {
      kind: 'object',
      fields: {
        ...{ interface: TEXT, ip: TEXT, userAgent: TEXT, sessionId: TEXT, requestId: TEXT, deviceId: TEXT },
        ...{ geo: TEXT, correlationId: TEXT, traceId: TEXT },
      },
    },
    occurredAt: { kind: 'time' },
    ...{ correlationId: TEXT, traceId: TEXT, causationId: TEXT },
    ...{ reason: TEXT, approval: TEXT, corrects: TEXT, retention: TEXT },
    flags: { kind: 'list', of: TEXT },
    metadata: { kind: 'map', of: SCALAR },
  },
}

export type ParsedLine =
  | { readonly ok: true; readonly action: string; readonly event: Readonly<Record<string, unknown>> }
  | { readonly ok: false; readonly fault: ShapeFault }

const SYSTEM_TENANT = '_system'

/** Reads one line. What only the SDK can tell (required fields, known values) is left to it. */
export function parseEventLine(text: string, defaultTenant: string | undefined): ParsedLine {
  const parsed = parseJson(text)
  if (!parsed.ok) return parsed
  const { value } = parsed
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    return fault('', 'the line must be a JSON object')
  const wrong = checkShape(value, EVENT_LINE, '')
  if (wrong !== null) return { ok: false, fault: wrong }
  const { action, tenant = defaultTenant, occurredAt, ...rest }: Record<string, unknown> = { ...value }
  if (typeof action !== 'string' || action === '') return fault('action', 'is missing')
  if (typeof tenant !== 'string' || tenant === '')
    return fault('tenant', 'is missing; state it in the line or with --tenant')
  if (tenant === SYSTEM_TENANT) return fault('tenant', `must not be ${SYSTEM_TENANT}, which is Daybook’s own`)
  const time = typeof occurredAt === 'string' ? Date.parse(occurredAt) : occurredAt
  return { ok: true, action, event: { ...rest, tenant, ...(time === undefined ? {} : { occurredAt: time }) } }
}

function fault(field: string, error: string): ParsedLine {
  return { ok: false, fault: { field, error } }
}

type Parsed =
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly fault: ShapeFault }

/** Whole numbers that a JavaScript number cannot hold become BigInts, which the SDK writes out in full. */
function parseJson(text: string): Parsed {
  try {
    const value: unknown = LONG_NUMBER.test(text) ? JSON.parse(text, exactly) : JSON.parse(text)
    return { ok: true, value }
  } catch (error) {
    // The parser's message quotes the text; the place is what helps.
    const place = /position \d+/.exec(error instanceof Error ? error.message : '')
    const where = place === null ? '' : ` (at ${place[0]})`
    return { ok: false, fault: { field: '', error: `the line is not JSON${where}` } }
  }
}

const LONG_NUMBER = /\d{16}/

function exactly(_key: string, value: unknown, context?: { readonly source?: string }): unknown {
  if (typeof value !== 'number' || Number.isSafeInteger(value)) return value
  return /^-?\d+$/.test(context?.source ?? '') ? BigInt(context?.source ?? 0) : value
}

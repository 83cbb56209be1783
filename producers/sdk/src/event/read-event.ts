import type { AuditContext } from '../context.ts'
import { CATEGORIES } from './event-input.ts'
import type { EventRecord, SourceRecord } from './event-record.ts'
import type { Findings } from './findings.ts'
import {
  actorOf,
  changesOf,
  contextOf,
  eitherText,
  metadataOf,
  otherTargetsOf,
  outcomeOf,
  type RequestFields,
  requestFields,
  targetOf,
} from './read-parts.ts'
import {
  isObject,
  list,
  optionalText,
  readOneByOne,
  requiredText,
  symbol,
  symbolsOf,
  type UnknownFields,
} from './read-value.ts'

const NO_REQUEST: RequestFields = {}
const NONE: readonly string[] = Object.freeze([])
const CATEGORY = symbolsOf(CATEGORIES)
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i
/** What every store can hold: 1970-01-01 to 2261-01-01. */
const MAX_TIME_MS = 9_183_110_400_000

/** What capture knows before it reads the application's input. */
export interface Stamp {
  readonly eventId: string
  readonly sequence: number
  readonly tenant: string
  readonly now: number
  readonly clockOffsetMs: number | null
  readonly producerId: string
  readonly source: SourceRecord
}

const EVENT = [
  'actor',
  'target',
  'otherTargets',
  'category',
  'outcome',
  'changes',
  'request',
  'occurredAt',
  'correlationId',
  'traceId',
  'causationId',
  'reason',
  'approval',
  'corrects',
  'flags',
  'metadata',
] as const

function eventFields(
  event: UnknownFields<(typeof EVENT)[number]>,
  f: Findings,
): UnknownFields<(typeof EVENT)[number]> {
  try {
    const { actor, target, otherTargets, category, outcome, changes, request, occurredAt } = event
    const { correlationId, traceId, causationId, reason, approval, corrects, flags, metadata } = event
    return {
      actor,
      target,
      otherTargets,
      category,
      outcome,
      changes,
      request,
      occurredAt,
      correlationId,
      traceId,
      causationId,
      reason,
      approval,
      corrects,
      flags,
      metadata,
    }
  } catch {
    return readOneByOne(event, EVENT, '', f)
  }
}

/** Turns what the application handed over into a complete event; whatever is wrong with it is in `f`. */
export function readEvent(
  action: unknown,
  input: object,
  context: AuditContext | undefined,
  stamp: Stamp,
  f: Findings,
): EventRecord {
  const given = eventFields(input, f)
  const request = isObject(given.request) ? requestFields(given.request, f) : NO_REQUEST
  const around = isObject(context?.request) ? requestFields(context.request, f) : NO_REQUEST
  const event: EventRecord = {
    event_id: stamp.eventId,
    tenant_id: stamp.tenant,
    occurred_at: timeOf(given.occurredAt, stamp.now, f),
    clock_offset_ms: stamp.clockOffsetMs,
    action: requiredText(action, 'action', f),
    category: symbol(given.category, CATEGORY, 'OTHER', 'category', f),
    actor: actorOf(given.actor ?? context?.actor, f),
    target: targetOf(given.target, f),
    other_targets: otherTargetsOf(given.otherTargets, f),
    outcome: outcomeOf(given.outcome, f),
    changes: changesOf(given.changes, f),
    context: contextOf(request, around, f),
    source: stamp.source,
    correlation_id:
      optionalText(given.correlationId, 'correlationId', f) ??
      eitherText(request.correlationId, around.correlationId, 'request.correlationId', f),
    trace_id:
      optionalText(given.traceId, 'traceId', f) ??
      eitherText(request.traceId, around.traceId, 'request.traceId', f),
    causation_id: optionalText(given.causationId, 'causationId', f),
    reason: optionalText(given.reason, 'reason', f),
    approval: optionalText(given.approval, 'approval', f),
    corrects: uuidOf(given.corrects, f),
    producer_id: stamp.producerId,
    sequence: stamp.sequence,
    flags: flagsOf(given.flags, f),
    metadata: metadataOf(given.metadata, f),
  }
  if (f.found) event.flags = [...event.flags, 'degraded']
  return event
}

function timeOf(value: unknown, now: number, f: Findings): number {
  if (value === undefined || value === null) return now
  const time = value instanceof Date ? value.getTime() : value
  if (typeof time === 'number' && time >= 0 && time <= MAX_TIME_MS) return Math.trunc(time)
  f.cut('occurredAt', 'is no valid date (1970 to 2260)')
  return now
}

function uuidOf(value: unknown, f: Findings): string | null {
  if (value === undefined || value === null) return null
  if (typeof value === 'string' && UUID.test(value)) return value.toLowerCase()
  f.cut('corrects', 'must be the UUID of an event')
  return null
}

function flagsOf(value: unknown, f: Findings): readonly string[] {
  if (value === undefined || value === null) return NONE
  const flags: string[] = []
  for (const [index, item] of list(value, 'flags', f).entries()) {
    const flag = optionalText(item, `flags[${index}]`, f)
    if (flag !== null) flags.push(flag)
  }
  return flags
}

/** The input as an object, whatever was handed over. */
export function inputOf(value: unknown, f: Findings): object {
  if (isObject(value)) return value
  if (value !== undefined && value !== null) f.cut('event', 'must be an object')
  return {}
}

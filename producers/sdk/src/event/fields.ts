import type { Findings } from './findings.ts'
import { property } from './read-value.ts'

/** Fields as an application handed them over: each may be anything. */
type Loose<Name extends string> = { readonly [N in Name]?: unknown }

/**
 * Reads fields, each of which may be a getter that throws. All are read in one go, each at a place of its own in the
 * code, which costs a third of reading them by name; when one throws, they are read again one by one, so that it is
 * named and the others are kept.
 */
function oneByOne<Name extends string>(
  source: object,
  names: readonly Name[],
  prefix: string,
  f: Findings,
): Loose<Name> {
  const fields: { [N in Name]?: unknown } = {}
  for (const name of names) fields[name] = property(source, name, prefix + name, f)
  return fields
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

export function eventFields(
  event: Loose<(typeof EVENT)[number]>,
  f: Findings,
): Loose<(typeof EVENT)[number]> {
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
    return oneByOne(event, EVENT, '', f)
  }
}

const ACTOR = ['id', 'type', 'name', 'role', 'affiliation', 'onBehalfOf'] as const

export function actorFields(
  actor: Loose<(typeof ACTOR)[number]>,
  f: Findings,
): Loose<(typeof ACTOR)[number]> {
  try {
    const { id, type, name, role, affiliation, onBehalfOf } = actor
    return { id, type, name, role, affiliation, onBehalfOf }
  } catch {
    return oneByOne(actor, ACTOR, 'actor.', f)
  }
}

const REQUEST = [
  'interface',
  'ip',
  'userAgent',
  'sessionId',
  'requestId',
  'deviceId',
  'geo',
  'correlationId',
  'traceId',
] as const
export type RequestFields = Loose<(typeof REQUEST)[number]>

export function requestFields(request: RequestFields, f: Findings): RequestFields {
  try {
    const { interface: via, ip, userAgent, sessionId, requestId, deviceId, geo } = request
    const { correlationId, traceId } = request
    return { interface: via, ip, userAgent, sessionId, requestId, deviceId, geo, correlationId, traceId }
  } catch {
    return oneByOne(request, REQUEST, 'request.', f)
  }
}

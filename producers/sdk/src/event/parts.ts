import type { Findings } from './findings.ts'
import { ACTOR_TYPES, AFFILIATIONS, OUTCOMES } from './input.ts'
import { jsonText } from './json-text.ts'
import { isObject, kindOf, list, optionalText, property, requiredText, symbol, symbolsOf } from './read.ts'
import type { ActorRecord, ChangeRecord, ContextRecord, EventRecord, TargetRecord } from './record.ts'

const ACTOR_TYPE = symbolsOf(ACTOR_TYPES)
const AFFILIATION = symbolsOf(AFFILIATIONS)
const OUTCOME = symbolsOf(OUTCOMES)
const NO_TARGET: TargetRecord = { type: '', id: '', name: null }
const NO_ACTOR: ActorRecord = {
  id: '',
  type: 'OTHER',
  name: null,
  role: null,
  affiliation: 'UNKNOWN',
  on_behalf_of: null,
}

export function actorOf(value: unknown, f: Findings): ActorRecord {
  if (!isObject(value)) {
    f.missing(
      'actor',
      value === undefined || value === null ? 'is missing' : `must be an object, not ${kindOf(value)}`,
    )
    return NO_ACTOR
  }
  return {
    id: requiredText(property(value, 'id', 'actor.id', f), 'actor.id', f),
    type: symbol(property(value, 'type', 'actor.type', f), ACTOR_TYPE, 'OTHER', 'actor.type', f),
    name: optionalText(property(value, 'name', 'actor.name', f), 'actor.name', f),
    role: optionalText(property(value, 'role', 'actor.role', f), 'actor.role', f),
    affiliation: symbol(
      property(value, 'affiliation', 'actor.affiliation', f),
      AFFILIATION,
      'UNKNOWN',
      'actor.affiliation',
      f,
    ),
    on_behalf_of: optionalText(property(value, 'onBehalfOf', 'actor.onBehalfOf', f), 'actor.onBehalfOf', f),
  }
}

export function targetOf(value: unknown, field: string, f: Findings): TargetRecord {
  if (!isObject(value)) {
    f.missing(
      field,
      value === undefined || value === null ? 'is missing' : `must be an object, not ${kindOf(value)}`,
    )
    return NO_TARGET
  }
  return {
    type: requiredText(property(value, 'type', `${field}.type`, f), `${field}.type`, f),
    id: requiredText(property(value, 'id', `${field}.id`, f), `${field}.id`, f),
    name: optionalText(property(value, 'name', `${field}.name`, f), `${field}.name`, f),
  }
}

export function otherTargetsOf(value: unknown, f: Findings): readonly TargetRecord[] {
  return list(value, 'otherTargets', f).map((item, index) => targetOf(item, `otherTargets[${index}]`, f))
}

export function outcomeOf(value: unknown, f: Findings): EventRecord['outcome'] {
  if (!isObject(value)) {
    return { status: symbol(value, OUTCOME, 'SUCCESS', 'outcome', f), code: null, reason: null }
  }
  return {
    status: symbol(property(value, 'status', 'outcome.status', f), OUTCOME, 'UNKNOWN', 'outcome.status', f),
    code: optionalText(property(value, 'code', 'outcome.code', f), 'outcome.code', f),
    reason: optionalText(property(value, 'reason', 'outcome.reason', f), 'outcome.reason', f),
  }
}

export function changesOf(value: unknown, f: Findings): readonly ChangeRecord[] {
  const changes: ChangeRecord[] = []
  for (const [index, item] of list(value, 'changes', f).entries()) {
    const field = `changes[${index}]`
    if (!isObject(item)) {
      f.cut(field, `must be an object, not ${kindOf(item)}`)
      continue
    }
    changes.push({
      path: requiredText(property(item, 'path', `${field}.path`, f), `${field}.path`, f),
      before: jsonText(property(item, 'before', `${field}.before`, f), `${field}.before`, f),
      after: jsonText(property(item, 'after', `${field}.after`, f), `${field}.after`, f),
    })
  }
  return changes
}

/** `request` fields of the event win over those of the context around it. */
export function contextOf(own: unknown, around: unknown, f: Findings): ContextRecord {
  return {
    interface: requestText(own, around, 'interface', f),
    ip: requestText(own, around, 'ip', f),
    user_agent: requestText(own, around, 'userAgent', f),
    session_id: requestText(own, around, 'sessionId', f),
    request_id: requestText(own, around, 'requestId', f),
    device_id: requestText(own, around, 'deviceId', f),
    geo: requestText(own, around, 'geo', f),
  }
}

export function requestText(own: unknown, around: unknown, name: string, f: Findings): string | null {
  const field = `request.${name}`
  const stated = isObject(own) ? optionalText(property(own, name, field, f), field, f) : null
  if (stated !== null || !isObject(around)) return stated
  return optionalText(property(around, name, field, f), field, f)
}

/** Own keys only, whatever they are called. */
export function metadataOf(value: unknown, f: Findings): Record<string, string> {
  const metadata: Record<string, string> = Object.create(null)
  if (value === undefined || value === null) return metadata
  if (!isObject(value)) {
    f.cut('metadata', `must be an object, not ${kindOf(value)}`)
    return metadata
  }
  for (const key of keysOf(value, f)) {
    const field = `metadata.${key}`
    const text = optionalText(property(value, key, field, f), field, f)
    if (text !== null) metadata[key.toWellFormed()] = text
  }
  return metadata
}

function keysOf(value: object, f: Findings): readonly string[] {
  try {
    return Object.keys(value)
  } catch {
    f.cut('metadata', 'cannot be read')
    return []
  }
}

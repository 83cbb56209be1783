/**
 * Readers of the parts of an event. Whatever the application handed over, each returns a complete record; what is
 * wrong with the part is in `f`.
 */
import { ACTOR_TYPES, AFFILIATIONS, OUTCOMES } from './event-input.ts'
import type { ActorRecord, ChangeRecord, ContextRecord, EventRecord, TargetRecord } from './event-record.ts'
import type { Findings } from './findings.ts'
import {
  isObject,
  jsonText,
  kindOf,
  list,
  optionalText,
  property,
  readOneByOne,
  requiredText,
  symbol,
  symbolsOf,
  type UnknownFields,
} from './read-value.ts'

const ACTOR_TYPE = symbolsOf(ACTOR_TYPES)
const AFFILIATION = symbolsOf(AFFILIATIONS)
const OUTCOME = symbolsOf(OUTCOMES)
const NO_TARGET: TargetRecord = { type: '', id: '', name: null }
const NO_CHANGES: readonly ChangeRecord[] = Object.freeze([])
const NO_TARGETS: readonly TargetRecord[] = Object.freeze([])
const NO_METADATA: Readonly<Record<string, string>> = Object.freeze({})
const NO_ACTOR: ActorRecord = {
  id: '',
  type: 'OTHER',
  name: null,
  role: null,
  affiliation: 'UNKNOWN',
  on_behalf_of: null,
}

const ACTOR = ['id', 'type', 'name', 'role', 'affiliation', 'onBehalfOf'] as const

function actorFields(
  actor: UnknownFields<(typeof ACTOR)[number]>,
  f: Findings,
): UnknownFields<(typeof ACTOR)[number]> {
  try {
    const { id, type, name, role, affiliation, onBehalfOf } = actor
    return { id, type, name, role, affiliation, onBehalfOf }
  } catch {
    return readOneByOne(actor, ACTOR, 'actor.', f)
  }
}

export function actorOf(value: unknown, f: Findings): ActorRecord {
  if (!isObject(value)) {
    noObject(value, 'actor', f)
    return NO_ACTOR
  }
  const given = actorFields(value, f)
  return {
    id: requiredText(given.id, 'actor.id', f),
    type: symbol(given.type, ACTOR_TYPE, 'OTHER', 'actor.type', f),
    name: optionalText(given.name, 'actor.name', f),
    role: optionalText(given.role, 'actor.role', f),
    affiliation: symbol(given.affiliation, AFFILIATION, 'UNKNOWN', 'actor.affiliation', f),
    on_behalf_of: optionalText(given.onBehalfOf, 'actor.onBehalfOf', f),
  }
}

function noObject(value: unknown, field: string, f: Findings): void {
  const isMissing = value === undefined || value === null
  f.missing(field, isMissing ? 'is missing' : `must be an object, not ${kindOf(value)}`)
}

export function targetOf(value: unknown, f: Findings): TargetRecord {
  return readTarget(value, TARGET_NAMES, f)
}

function readTarget(value: unknown, names: TargetNames, f: Findings): TargetRecord {
  if (!isObject(value)) {
    noObject(value, names.item, f)
    return NO_TARGET
  }
  return {
    type: requiredText(property(value, 'type', names.type, f), names.type, f),
    id: requiredText(property(value, 'id', names.id, f), names.id, f),
    name: optionalText(property(value, 'name', names.name, f), names.name, f),
  }
}

export function otherTargetsOf(value: unknown, f: Findings): readonly TargetRecord[] {
  if (value === undefined || value === null) return NO_TARGETS
  return list(value, 'otherTargets', f).map((item, index) => readTarget(item, otherTargetNames(index), f))
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
  if (value === undefined || value === null) return NO_CHANGES
  const changes: ChangeRecord[] = []
  for (const [index, item] of list(value, 'changes', f).entries()) {
    const names = changeNames(index)
    if (!isObject(item)) {
      f.cut(names.item, `must be an object, not ${kindOf(item)}`)
      continue
    }
    changes.push({
      path: requiredText(property(item, 'path', names.path, f), names.path, f),
      before: jsonText(property(item, 'before', names.before, f), names.before, f),
      after: jsonText(property(item, 'after', names.after, f), names.after, f),
    })
  }
  return changes
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
export type RequestFields = UnknownFields<(typeof REQUEST)[number]>

export function requestFields(request: RequestFields, f: Findings): RequestFields {
  try {
    const { interface: via, ip, userAgent, sessionId, requestId, deviceId, geo } = request
    const { correlationId, traceId } = request
    return { interface: via, ip, userAgent, sessionId, requestId, deviceId, geo, correlationId, traceId }
  } catch {
    return readOneByOne(request, REQUEST, 'request.', f)
  }
}

/** `request` fields of the event win over those of the context around it. */
export function contextOf(own: RequestFields, around: RequestFields, f: Findings): ContextRecord {
  return {
    interface: eitherText(own.interface, around.interface, 'request.interface', f),
    ip: eitherText(own.ip, around.ip, 'request.ip', f),
    user_agent: eitherText(own.userAgent, around.userAgent, 'request.userAgent', f),
    session_id: eitherText(own.sessionId, around.sessionId, 'request.sessionId', f),
    request_id: eitherText(own.requestId, around.requestId, 'request.requestId', f),
    device_id: eitherText(own.deviceId, around.deviceId, 'request.deviceId', f),
    geo: eitherText(own.geo, around.geo, 'request.geo', f),
  }
}

export function eitherText(own: unknown, around: unknown, field: string, f: Findings): string | null {
  return optionalText(own, field, f) ?? optionalText(around, field, f)
}

/** Own keys only, whatever they are called. */
export function metadataOf(value: unknown, f: Findings): Readonly<Record<string, string>> {
  if (value === undefined || value === null) return NO_METADATA
  if (!isObject(value)) {
    f.cut('metadata', `must be an object, not ${kindOf(value)}`)
    return NO_METADATA
  }
  const metadata: Record<string, string> = Object.create(null)
  for (const key of keysOf(value, f)) {
    const text = metadataText(value, key, f)
    if (text !== null) metadata[key.toWellFormed()] = text
  }
  return metadata
}

function metadataText(source: object, key: string, f: Findings): string | null {
  const field = `metadata.${key}`
  return optionalText(property(source, key, field, f), field, f)
}

function keysOf(value: object, f: Findings): readonly string[] {
  try {
    return Object.keys(value)
  } catch {
    f.cut('metadata', 'cannot be read')
    return []
  }
}

/** What fields are called in findings. Made once: most events have nothing to find, and each has many fields. */
interface TargetNames {
  readonly item: string
  readonly type: string
  readonly id: string
  readonly name: string
}

interface ChangeNames {
  readonly item: string
  readonly path: string
  readonly before: string
  readonly after: string
}

/** Longer lists are rare. */
const PREPARED = 16

const TARGET_NAMES = targetNames('target')
const OTHER_TARGETS = Array.from({ length: PREPARED }, (_, index) => targetNames(`otherTargets[${index}]`))
const CHANGES = Array.from({ length: PREPARED }, (_, index) => namesOfChange(`changes[${index}]`))

function otherTargetNames(index: number): TargetNames {
  return OTHER_TARGETS[index] ?? targetNames(`otherTargets[${index}]`)
}

function changeNames(index: number): ChangeNames {
  return CHANGES[index] ?? namesOfChange(`changes[${index}]`)
}

function targetNames(item: string): TargetNames {
  return { item, type: `${item}.type`, id: `${item}.id`, name: `${item}.name` }
}

function namesOfChange(item: string): ChangeNames {
  return { item, path: `${item}.path`, before: `${item}.before`, after: `${item}.after` }
}

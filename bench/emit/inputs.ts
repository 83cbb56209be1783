import { ACTOR_TYPES, AFFILIATIONS, CATEGORIES, OUTCOMES } from '../../producers/sdk/src/event/event-input.ts'
import type { EventInput } from '../../producers/sdk/src/index.ts'
import type { AuditEventInput, ChangeInput } from '../../schemas/generated/audit-event.ts'

export interface Emission {
  readonly action: string
  readonly input: EventInput
}

/** An event as an application hands it to `emit`. */
export function emissionOf(event: AuditEventInput): Emission {
  const { actor, target, context, outcome } = event
  const input = {
    tenant: event.tenant_id,
    category: nameOf(CATEGORIES, event.category),
    actor: {
      id: actor?.id ?? '',
      type: nameOf(ACTOR_TYPES, actor?.type),
      name: actor?.name,
      role: actor?.role,
      affiliation: nameOf(AFFILIATIONS, actor?.affiliation),
      onBehalfOf: actor?.on_behalf_of,
    },
    target: { type: target?.type ?? '', id: target?.id ?? '' },
    otherTargets: event.other_targets?.map(({ type, id }) => ({ type, id })),
    outcome: { status: nameOf(OUTCOMES, outcome?.status), code: outcome?.code, reason: outcome?.reason },
    changes: event.changes?.map(changeOf),
    request: {
      interface: context?.interface,
      ip: context?.ip,
      userAgent: context?.user_agent,
      sessionId: context?.session_id,
      requestId: context?.request_id,
      geo: context?.geo,
    },
    correlationId: event.correlation_id,
    traceId: event.trace_id,
    reason: event.reason,
    metadata: event.metadata,
  }
  return { action: event.action, input: withoutEmpty(input) }
}

function changeOf(change: ChangeInput) {
  return { path: change.path, before: parsed(change.before), after: parsed(change.after) }
}

function parsed(text: string | null | undefined): unknown {
  return text === null || text === undefined ? undefined : JSON.parse(text)
}

function nameOf<N extends string>(
  symbols: Readonly<Record<N, string>>,
  symbol: string | undefined,
): N | undefined {
  for (const name in symbols) if (symbols[name] === symbol) return name
  return undefined
}

/** Applications leave out what they do not know. */
function withoutEmpty(value: object): EventInput {
  return JSON.parse(JSON.stringify(value, (_key, item: unknown) => (item === null ? undefined : item)))
}

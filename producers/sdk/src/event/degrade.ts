import { hash } from 'node:crypto'
import type { ActorRecord, ContextRecord, EventRecord, SourceRecord, TargetRecord } from './event-record.ts'

const MAX_CHARS = 512

/** What remains of an event that was too large: who did what to which object, and proof of what was cut. */
export function degrade(event: EventRecord, encoded: Uint8Array): EventRecord {
  return {
    ...event,
    action: short(event.action),
    actor: shorten<ActorRecord>(event.actor),
    target: shorten<TargetRecord>(event.target),
    other_targets: [],
    outcome: shorten<EventRecord['outcome']>(event.outcome),
    changes: [],
    context: shorten<ContextRecord>(event.context),
    source: shorten<SourceRecord>(event.source),
    correlation_id: shortOrNull(event.correlation_id),
    trace_id: shortOrNull(event.trace_id),
    causation_id: shortOrNull(event.causation_id),
    reason: shortOrNull(event.reason),
    approval: shortOrNull(event.approval),
    flags: [...new Set([...event.flags.slice(0, 16).map(short), 'degraded', 'truncated'])],
    metadata: {
      'daybook.cut.sha256': hash('sha256', encoded, 'hex'),
      'daybook.cut.bytes': String(encoded.length),
      'daybook.cut.changes': String(event.changes.length),
    },
  }
}

function shorten<T extends object>(record: T): T {
  const copy = { ...record }
  for (const [name, value] of Object.entries(copy)) {
    if (typeof value === 'string') Reflect.set(copy, name, short(value))
  }
  return copy
}

function shortOrNull(text: string | null): string | null {
  return text === null ? null : short(text)
}

function short(text: string): string {
  return text.length <= MAX_CHARS ? text : `${text.slice(0, MAX_CHARS - 1)}…`.toWellFormed()
}

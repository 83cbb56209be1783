import type {
  ActorType,
  Affiliation,
  Category,
  OutcomeStatus,
} from '../../../../schemas/generated/audit-event.ts'

/** The event in the shape of the Avro schema, complete, ready to encode. */
export interface EventRecord {
  event_id: string
  tenant_id: string
  occurred_at: number
  clock_offset_ms: number | null
  action: string
  category: Category
  actor: ActorRecord
  target: TargetRecord
  other_targets: readonly TargetRecord[]
  outcome: { status: OutcomeStatus; code: string | null; reason: string | null }
  changes: readonly ChangeRecord[]
  context: ContextRecord
  source: SourceRecord
  correlation_id: string | null
  trace_id: string | null
  causation_id: string | null
  reason: string | null
  approval: string | null
  corrects: string | null
  producer_id: string
  sequence: number
  flags: readonly string[]
  metadata: Readonly<Record<string, string>>
}

export interface ActorRecord {
  readonly id: string
  readonly type: ActorType
  readonly name: string | null
  readonly role: string | null
  readonly affiliation: Affiliation
  readonly on_behalf_of: string | null
}

export interface TargetRecord {
  readonly type: string
  readonly id: string
  readonly name: string | null
}

export interface ChangeRecord {
  readonly path: string
  /** JSON text; null: the field was absent. */
  readonly before: string | null
  readonly after: string | null
}

export interface ContextRecord {
  readonly interface: string | null
  readonly ip: string | null
  readonly user_agent: string | null
  readonly session_id: string | null
  readonly request_id: string | null
  readonly device_id: string | null
  readonly geo: string | null
}

export interface SourceRecord {
  readonly service: string
  readonly version: string | null
  readonly environment: string | null
  readonly region: string | null
  readonly host: string | null
}

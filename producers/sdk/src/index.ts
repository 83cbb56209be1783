export { DaybookError } from '../../../schemas/errors.ts'
export type {
  AuditLog,
  AuditLogOptions,
  AuditLogStatus,
  CountName,
  EmitState,
  Emitted,
  EventCatalogue,
  SpoolOptions,
} from './audit-log.ts'
export type { AuditContext } from './context.ts'
export { createAuditLog } from './create-audit-log.ts'
export type { Connection, SendOutcome, Transport, TransportHost } from './delivery/transport.ts'
export type {
  ActorInput,
  ActorTypeName,
  AffiliationName,
  CategoryName,
  ChangeInput,
  EventInput,
  OutcomeInput,
  OutcomeStatusName,
  RequestInput,
  TargetInput,
} from './event/event-input.ts'
export type { KafkaOptions } from './kafka/kafka-options.ts'
export { kafka } from './kafka/kafka-transport.ts'
export type { RegistryOptions } from './kafka/schema-ids.ts'
export type { OnProblem, Problem, ProblemReport } from './problems.ts'

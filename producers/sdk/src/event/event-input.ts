/** The event as application developers state it. Everything else (ids, times, source) is added at capture. */
export interface EventInput {
  /** Whose data this is. Default: the tenant of `run`, then that of `createAuditLog`. */
  readonly tenant?: string
  /** What was acted upon. */
  readonly target?: TargetInput
  readonly otherTargets?: readonly TargetInput[]
  /** Who acted. Default: the actor of `run`. */
  readonly actor?: ActorInput
  readonly category?: CategoryName
  /** Default: success. */
  readonly outcome?: OutcomeInput | OutcomeStatusName
  /** Changed fields only. Values are anything that JSON can state; `undefined` means absent. */
  readonly changes?: readonly ChangeInput[]
  /** Where the action came from. Merged over the request of `run`. */
  readonly request?: RequestInput
  /** Default: now. */
  readonly occurredAt?: Date | number
  readonly correlationId?: string
  readonly traceId?: string
  readonly causationId?: string
  /** Why the actor did it. */
  readonly reason?: string
  /** The ticket or approval that allowed it. */
  readonly approval?: string
  /** event id of an earlier event that this one corrects. */
  readonly corrects?: string
  /** Retention class, which selects the topic. Default: the transport's first. */
  readonly retention?: string
  readonly flags?: readonly string[]
  readonly metadata?: Readonly<Record<string, string | number | boolean | null | undefined>>
}

export interface TargetInput {
  readonly type: string
  readonly id: string
  readonly name?: string
}

export interface ActorInput {
  readonly id: string
  readonly type: ActorTypeName
  readonly name?: string
  readonly role?: string
  readonly affiliation?: AffiliationName
  /** Actor id that is impersonated or served. */
  readonly onBehalfOf?: string
}

export interface OutcomeInput {
  readonly status: OutcomeStatusName
  readonly code?: string | number
  readonly reason?: string
}

export interface ChangeInput {
  /** `lines[0].qty` */
  readonly path: string
  readonly before?: unknown
  readonly after?: unknown
}

export interface RequestInput {
  /** `http POST /orders/:id`, `cli`, `job` */
  readonly interface?: string
  readonly ip?: string
  readonly userAgent?: string
  readonly sessionId?: string
  readonly requestId?: string
  readonly deviceId?: string
  readonly geo?: string
  readonly correlationId?: string
  readonly traceId?: string
}

export const CATEGORIES = {
  other: 'OTHER',
  data_change: 'DATA_CHANGE',
  authentication: 'AUTHENTICATION',
  permission: 'PERMISSION',
  data_access: 'DATA_ACCESS',
  configuration: 'CONFIGURATION',
  export: 'EXPORT',
  billing: 'BILLING',
} as const
export type CategoryName = keyof typeof CATEGORIES

export const ACTOR_TYPES = {
  other: 'OTHER',
  user: 'USER',
  service: 'SERVICE',
  api_key: 'API_KEY',
  job: 'JOB',
  system: 'SYSTEM',
  anonymous: 'ANONYMOUS',
} as const
export type ActorTypeName = keyof typeof ACTOR_TYPES

export const AFFILIATIONS = {
  unknown: 'UNKNOWN',
  employee: 'EMPLOYEE',
  customer: 'CUSTOMER',
  partner: 'PARTNER',
  vendor: 'VENDOR',
  other: 'OTHER',
} as const
export type AffiliationName = keyof typeof AFFILIATIONS

export const OUTCOMES = {
  unknown: 'UNKNOWN',
  success: 'SUCCESS',
  failure: 'FAILURE',
  denied: 'DENIED',
  partial: 'PARTIAL',
} as const
export type OutcomeStatusName = keyof typeof OUTCOMES

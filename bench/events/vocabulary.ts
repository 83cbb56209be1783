import type { Category } from '../../schemas/generated/audit-event.ts'

/** What the generated events are about. Weights come from repetition. */
export const TENANTS = [
  'acme',
  'globex',
  'initech',
  'umbrella-health',
  'wayne',
  'acme',
  'acme',
  'globex',
] as const

export interface ActionKind {
  readonly action: string
  readonly category: Category
  readonly target: string
  readonly route: string
  readonly fields: readonly string[]
}

export const ACTIONS: readonly [ActionKind, ...ActionKind[]] = [
  {
    action: 'order.updated',
    category: 'DATA_CHANGE',
    target: 'order',
    route: 'PATCH /orders/:id',
    fields: ['status', 'lines[0].qty', 'total'],
  },
  {
    action: 'order.created',
    category: 'DATA_CHANGE',
    target: 'order',
    route: 'POST /orders',
    fields: ['status', 'total'],
  },
  {
    action: 'patient.viewed',
    category: 'DATA_ACCESS',
    target: 'patient',
    route: 'GET /patients/:id',
    fields: [],
  },
  { action: 'user.login', category: 'AUTHENTICATION', target: 'user', route: 'POST /login', fields: [] },
  {
    action: 'role.granted',
    category: 'PERMISSION',
    target: 'user',
    route: 'PUT /users/:id/roles',
    fields: ['roles'],
  },
  {
    action: 'invoice.refunded',
    category: 'BILLING',
    target: 'invoice',
    route: 'POST /invoices/:id/refund',
    fields: ['status', 'refunded'],
  },
  {
    action: 'report.exported',
    category: 'EXPORT',
    target: 'report',
    route: 'GET /reports/:id.csv',
    fields: [],
  },
  {
    action: 'flag.changed',
    category: 'CONFIGURATION',
    target: 'feature_flag',
    route: 'PUT /flags/:id',
    fields: ['enabled'],
  },
]

export const NAMES = [
  'Erika Mustermann',
  'Max Müller',
  'Aino Virtanen',
  'José García',
  'Ada Byron',
  'Li Wei',
  'Zoë Kravitz',
  'Tom Baker',
] as const
export const ROLES = ['clerk', 'admin', 'nurse', 'accountant', 'support'] as const
export const VALUES = [
  '"open"',
  '"paid"',
  '1',
  '2',
  '149.90',
  'true',
  'false',
  '["viewer"]',
  '["viewer","admin"]',
] as const
export const REGIONS = ['eu-central-1', 'eu-west-1', 'us-east-1'] as const
export const AGENTS = ['Mozilla/5.0 (X11; Linux x86_64)', 'orders-cli/2.4.1', 'okhttp/4.12.0'] as const
export const REASONS = ['customer called', 'duplicate order', 'ticket SUP-4711', 'monthly review'] as const

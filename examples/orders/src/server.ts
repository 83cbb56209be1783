import type { AuditLog } from '@daybook/sdk'
import fastify, { type FastifyInstance, type FastifyRequest } from 'fastify'
import { type Order, type Role, Store, type User } from './store.ts'

/**
 * A small order service. Each route that changes or reveals something says so to the audit log, refusals included;
 * who, for which tenant and from where comes from the hook below, once.
 */
export function createServer({ audit }: { audit: AuditLog }): FastifyInstance {
  const app = fastify()
  const store = new Store()
  const users = new WeakMap<FastifyRequest, User>()

  app.addHook('onRequest', (request, _reply, done) => {
    const user = store.signedIn(request.headers.authorization?.replace(/^Bearer /, ''))
    if (user !== undefined) users.set(request, user)
    const actor = user === undefined ? ANONYMOUS : actorOf(user)
    const context = {
      actor,
      request: requestOf(request),
      ...(user === undefined ? {} : { tenant: user.tenant }),
    }
    audit.run(context, done)
  })

  app.get('/health', () => {
    const { healthy, producerId, lastSequence } = audit.status()
    return { status: healthy ? 'ok' : 'degraded', producerId, emitted: lastSequence }
  })
  signIn(app, audit, store)
  orders(app, audit, store, (request) => users.get(request))
  roles(app, audit, store, (request) => users.get(request))
  return app
}

type UserOf = (request: FastifyRequest) => User | undefined

const ANONYMOUS = { id: 'anonymous', type: 'anonymous' } as const
const TENANT_UNKNOWN = 'acme'

function actorOf(user: User) {
  return { id: user.id, type: 'user', name: user.name, role: user.role, affiliation: 'employee' } as const
}

function requestOf(request: FastifyRequest) {
  const userAgent = request.headers['user-agent']
  return {
    interface: `http ${request.method} ${request.routeOptions.url ?? request.url}`,
    ip: request.ip,
    requestId: request.id,
    ...(userAgent === undefined ? {} : { userAgent }),
  }
}

function signIn(app: FastifyInstance, audit: AuditLog, store: Store): void {
  app.post<{ Body: { user: string; password: string } }>('/sign-in', (request, reply) => {
    const { user: id, password } = request.body
    const user = store.user(id)
    const tenant = user?.tenant ?? TENANT_UNKNOWN
    const target = { type: 'user', id }
    if (user === undefined || user.password !== password) {
      const outcome = { status: 'denied', code: 401, reason: 'wrong user or password' } as const
      audit.emit('user.sign_in', { tenant, target, category: 'authentication', outcome })
      return reply.code(401).send({ error: 'wrong user or password' })
    }
    audit.emit('user.sign_in', { tenant, actor: actorOf(user), target, category: 'authentication' })
    return reply.send({ token: store.signIn(user) })
  })
}

function orders(app: FastifyInstance, audit: AuditLog, store: Store, userOf: UserOf): void {
  app.post<{ Body: { lines: Order['lines'] } }>('/orders', (request, reply) => {
    const user = userOf(request)
    if (user === undefined) return reply.code(401).send({ error: 'sign in first' })
    const order = store.addOrder(user.tenant, request.body.lines)
    const changes = [
      { path: 'status', after: order.status },
      { path: 'lines', after: order.lines },
    ]
    audit.emit('order.placed', { target: { type: 'order', id: order.id }, category: 'data_change', changes })
    return reply.code(201).send(order)
  })

  app.patch<{ Params: { id: string }; Body: Partial<Pick<Order, 'status' | 'note'>> }>(
    '/orders/:id',
    (request, reply) => {
      const user = userOf(request)
      if (user === undefined) return reply.code(401).send({ error: 'sign in first' })
      const order = store.order(user.tenant, request.params.id)
      if (order === undefined) return reply.code(404).send({ error: 'no such order' })
      const before = { status: order.status, note: order.note }
      Object.assign(order, request.body)
      const changes = (['status', 'note'] as const)
        .filter((field) => before[field] !== order[field])
        .map((field) => ({ path: field, before: before[field], after: order[field] }))
      audit.emit('order.updated', {
        target: { type: 'order', id: order.id },
        category: 'data_change',
        changes,
      })
      return reply.send(order)
    },
  )

  app.get('/orders/export.csv', (request, reply) => {
    const user = userOf(request)
    if (user === undefined) return reply.code(401).send({ error: 'sign in first' })
    const rows = store.orders(user.tenant)
    audit.emit('order.exported', {
      target: { type: 'order_list', id: user.tenant },
      category: 'export',
      metadata: { format: 'csv', rows: rows.length },
    })
    return reply.type('text/csv').send(rows.map((order) => `${order.id},${order.status}`).join('\n'))
  })
}

function roles(app: FastifyInstance, audit: AuditLog, store: Store, userOf: UserOf): void {
  app.put<{ Params: { id: string }; Body: { role: Role; reason: string } }>(
    '/users/:id/role',
    (request, reply) => {
      const user = userOf(request)
      if (user === undefined) return reply.code(401).send({ error: 'sign in first' })
      const { role, reason } = request.body
      const target = { type: 'user', id: request.params.id }
      const subject = store.user(request.params.id)
      const before = subject?.role
      const event = {
        target,
        category: 'permission',
        reason,
        changes: [{ path: 'role', before, after: role }],
      } as const
      if (user.role !== 'admin' || subject?.tenant !== user.tenant) {
        audit.emit('user.role_changed', { ...event, outcome: { status: 'denied', code: 403 } })
        return reply.code(403).send({ error: 'only an administrator of the same tenant may do this' })
      }
      subject.role = role
      audit.emit('user.role_changed', event)
      return reply.send({ id: subject.id, role })
    },
  )
}

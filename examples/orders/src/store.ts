import { randomUUID } from 'node:crypto'

/** The example's own data, in memory: what a real service would keep in its database. */

export type Role = 'clerk' | 'manager' | 'admin'

export interface User {
  readonly id: string
  readonly name: string
  readonly tenant: string
  readonly password: string
  role: Role
}

export interface Order {
  readonly id: string
  readonly tenant: string
  status: 'open' | 'paid' | 'shipped' | 'cancelled'
  note: string
  readonly lines: { sku: string; quantity: number }[]
}

const demoUsers = (): User[] =>
  ['acme', 'globex'].flatMap((tenant) => [
    { id: `${tenant}-ada`, name: 'Ada', tenant, password: 'correct horse', role: 'admin' },
    { id: `${tenant}-max`, name: 'Max', tenant, password: 'battery staple', role: 'manager' },
    { id: `${tenant}-eve`, name: 'Eve', tenant, password: 'tr0ub4dor', role: 'clerk' },
  ])

export class Store {
  readonly #users = new Map(demoUsers().map((user) => [user.id, user]))
  readonly #orders = new Map<string, Order>()
  readonly #sessions = new Map<string, User>()

  user(id: string): User | undefined {
    return this.#users.get(id)
  }

  order(tenant: string, id: string): Order | undefined {
    const order = this.#orders.get(id)
    return order?.tenant === tenant ? order : undefined
  }

  orders(tenant: string): Order[] {
    return [...this.#orders.values()].filter((order) => order.tenant === tenant)
  }

  addOrder(tenant: string, lines: Order['lines']): Order {
    const order: Order = { id: `ord-${randomUUID().slice(0, 8)}`, tenant, status: 'open', note: '', lines }
    this.#orders.set(order.id, order)
    return order
  }

  signIn(user: User): string {
    const token = randomUUID()
    this.#sessions.set(token, user)
    return token
  }

  signedIn(token: string | undefined): User | undefined {
    return token === undefined ? undefined : this.#sessions.get(token)
  }
}

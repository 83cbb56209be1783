/**
 * Drives the example over real HTTP as its users would: sign-ins, some with a wrong password, orders placed and
 * changed, a role granted and a grant refused, an export.
 */

export interface TrafficOptions {
  readonly url: string
  /** How often the whole story is told. */
  readonly rounds: number
  readonly signal?: AbortSignal
}

interface Account {
  readonly user: string
  readonly password: string
}

const TENANTS: readonly { admin: Account; clerk: Account }[] = ['acme', 'globex'].map((tenant) => ({
  admin: { user: `${tenant}-ada`, password: 'correct horse' },
  clerk: { user: `${tenant}-eve`, password: 'tr0ub4dor' },
}))

/** Returns the number of HTTP requests that were answered. */
export async function driveTraffic(options: TrafficOptions): Promise<number> {
  let requests = 0
  const call = async (method: string, path: string, body: unknown, token?: string): Promise<unknown> => {
    const headers: Record<string, string> = { 'content-type': 'application/json' }
    if (token !== undefined) headers['authorization'] = `Bearer ${token}`
    const answer = await fetch(new URL(path, options.url), {
      method,
      headers,
      ...(method === 'GET' ? {} : { body: JSON.stringify(body) }),
      ...(options.signal ? { signal: options.signal } : {}),
    })
    requests++
    const type = answer.headers.get('content-type') ?? ''
    return type.includes('json') ? await answer.json() : await answer.text()
  }
  for (let round = 0; round < options.rounds && options.signal?.aborted !== true; round++) {
    for (const tenant of TENANTS) await tellStory(call, tenant)
  }
  return requests
}

type Call = (method: string, path: string, body: unknown, token?: string) => Promise<unknown>

async function tellStory(call: Call, { admin, clerk }: (typeof TENANTS)[number]): Promise<void> {
  await call('POST', '/sign-in', { user: clerk.user, password: 'guessed' })
  const clerkToken = text(await call('POST', '/sign-in', clerk), 'token')
  const id = text(await call('POST', '/orders', { lines: [{ sku: 'apple', quantity: 3 }] }, clerkToken), 'id')
  await call('PATCH', `/orders/${id}`, { status: 'paid', note: 'paid by card' }, clerkToken)
  await call('PUT', `/users/${clerk.user}/role`, { role: 'admin', reason: 'I would like to' }, clerkToken)
  const adminToken = text(await call('POST', '/sign-in', admin), 'token')
  await call('PUT', `/users/${clerk.user}/role`, { role: 'clerk', reason: 'OPS-17' }, adminToken)
  await call('PATCH', `/orders/${id}`, { status: 'shipped' }, adminToken)
  await call('GET', '/orders/export.csv', null, adminToken)
}

function text(answer: unknown, field: string): string {
  const value = typeof answer === 'object' && answer !== null ? Reflect.get(answer, field) : undefined
  if (typeof value !== 'string') throw new Error(`the example answered without "${field}"`)
  return value
}

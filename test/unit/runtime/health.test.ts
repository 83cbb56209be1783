import { afterEach, describe, expect, it } from 'vitest'
import { type HealthServer, type HealthState, startHealthServer } from '../../../runtime/health.ts'
import { createMetrics } from '../../../runtime/metrics.ts'

const servers: HealthServer[] = []
afterEach(() => Promise.all(servers.splice(0).map((server) => server.close())))

async function start(state: { live: HealthState; ready: HealthState }): Promise<HealthServer> {
  const server = await startHealthServer({
    port: 0,
    host: '127.0.0.1',
    metrics: createMetrics(),
    live: [{ name: 'progress', state: () => state.live }],
    ready: [{ name: 'kafka', state: () => state.ready }],
  })
  servers.push(server)
  return server
}

const get = (server: HealthServer, path: string) => fetch(`http://127.0.0.1:${server.port}${path}`)

describe('the health server', () => {
  it('answers for liveness and readiness apart, with the reasons', async () => {
    const state: { live: HealthState; ready: HealthState } = {
      live: { ok: true },
      ready: { ok: false, reason: 'not joined' },
    }
    const server = await start(state)
    expect((await get(server, '/healthz')).status).toBe(200)
    const ready = await get(server, '/readyz')
    expect(ready.status).toBe(503)
    expect(await ready.json()).toEqual({ ok: false, failing: [{ name: 'kafka', reason: 'not joined' }] })
    state.ready = { ok: true }
    state.live = { ok: false, reason: 'no progress for 60 s' }
    expect((await get(server, '/readyz?x=1')).status).toBe(200)
    expect((await get(server, '/healthz')).status).toBe(503)
    expect(await (await get(server, '/metrics')).text()).toContain('daybook_ready 1\n')
  })

  it('is not ready any more, but alive, while the process drains', async () => {
    const server = await start({ live: { ok: true }, ready: { ok: true } })
    expect((await get(server, '/readyz')).status).toBe(200)
    server.drain()
    expect((await get(server, '/readyz')).status).toBe(503)
    expect((await get(server, '/healthz')).status).toBe(200)
  })

  it('knows nothing else, and takes no other method', async () => {
    const server = await start({ live: { ok: true }, ready: { ok: true } })
    expect((await get(server, '/')).status).toBe(404)
    expect((await fetch(`http://127.0.0.1:${server.port}/healthz`, { method: 'POST' })).status).toBe(405)
  })

  it('names the key to change when its port is taken', async () => {
    const server = await start({ live: { ok: true }, ready: { ok: true } })
    const options = { port: server.port, host: '127.0.0.1', metrics: createMetrics(), live: [], ready: [] }
    await expect(startHealthServer(options)).rejects.toMatchObject({ code: 'DAYBOOK_RUNTIME_PORT' })
  })
})

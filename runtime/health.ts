import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { DaybookError } from '../schemas/errors.ts'
import type { Metrics } from './metrics.ts'

export type HealthState = { readonly ok: true } | { readonly ok: false; readonly reason: string }

export interface HealthCheck {
  /** Short and stable, such as `kafka` or `progress`. */
  readonly name: string
  /** Returns at once what is already known; does no I/O. */
  readonly state: () => HealthState
}

export interface HealthOptions {
  /** 0 takes a free port. */
  readonly port: number
  /** Address to listen on. */
  readonly host: string
  readonly metrics: Metrics
  /** All must be ok for /healthz; a failing one lets the orchestrator restart the process. */
  readonly live: readonly HealthCheck[]
  /** All must be ok for /readyz, and the process must not be draining. */
  readonly ready: readonly HealthCheck[]
}

export interface HealthServer {
  readonly port: number
  /** From now on /readyz answers 503, so that no new work comes while the process stops. */
  drain(): void
  close(): Promise<void>
}

/** Serves /healthz, /readyz and /metrics. Resolves when it listens. */
export async function startHealthServer(options: HealthOptions): Promise<HealthServer> {
  const draining = { now: false }
  const drainingCheck: HealthCheck = {
    name: 'process',
    state: () => (draining.now ? { ok: false, reason: 'stopping' } : { ok: true }),
  }
  const ready = [drainingCheck, ...options.ready]
  options.metrics.onScrape(() =>
    options.metrics.set('daybook_ready', {}, failingOf(ready).length === 0 ? 1 : 0),
  )
  const server = createServer((request, response) => answer(request, response, { ...options, ready }))
  server.unref()
  await listen(server, options.port, options.host)
  const address = server.address()
  return {
    port: typeof address === 'object' && address !== null ? address.port : options.port,
    drain: () => {
      draining.now = true
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

function listen(server: Server, port: number, host: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (cause) => {
      reject(
        new DaybookError(
          'DAYBOOK_RUNTIME_PORT',
          `cannot listen on ${host}:${port}: set DAYBOOK_HTTP_PORT to a free port, DAYBOOK_HTTP_HOST to an address of this machine`,
          { cause, details: { host, port } },
        ),
      )
    })
    server.listen(port, host, resolve)
  })
}

function answer(request: IncomingMessage, response: ServerResponse, options: HealthOptions): void {
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    send(response, 405, 'text/plain', 'GET only\n')
    return
  }
  switch (request.url?.split('?', 1)[0]) {
    case '/healthz':
      report(response, options.live)
      break
    case '/readyz':
      report(response, options.ready)
      break
    case '/metrics':
      send(response, 200, 'text/plain; version=0.0.4; charset=utf-8', options.metrics.expose())
      break
    default:
      send(response, 404, 'text/plain', 'not found: /healthz, /readyz, /metrics\n')
  }
}

function failingOf(checks: readonly HealthCheck[]): { name: string; reason: string }[] {
  return checks.flatMap(({ name, state }) => {
    const now = state()
    return now.ok ? [] : [{ name, reason: now.reason }]
  })
}

function report(response: ServerResponse, checks: readonly HealthCheck[]): void {
  const failing = failingOf(checks)
  const body = `${JSON.stringify({ ok: failing.length === 0, failing })}\n`
  send(response, failing.length === 0 ? 200 : 503, 'application/json', body)
}

function send(response: ServerResponse, status: number, contentType: string, body: string): void {
  response.writeHead(status, { 'content-type': contentType, 'cache-control': 'no-store' })
  response.end(body)
}

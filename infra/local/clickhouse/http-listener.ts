/** The HTTP server of the local server. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { HandlerOptions } from './exchange.ts'
import { handleQuery } from './handler.ts'

export interface HttpListener {
  readonly port: number
  /** Takes no new requests, lets the running ones end. */
  close(): Promise<void>
}

export interface ServerOptions extends HandlerOptions {
  readonly host: string
  readonly port: number
}

export async function serve(options: ServerOptions): Promise<HttpListener> {
  const server = createServer({ maxHeaderSize: 1 << 20, keepAliveTimeout: 30_000, requestTimeout: 0 })
  server.on('request', (message, response) => {
    route(options, message, response).catch((error: unknown) =>
      response.destroy(error instanceof Error ? error : undefined),
    )
  })
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  server.once('error', reject)
  server.listen(options.port, options.host, resolve)
  await promise
  return { port: portOf(server), close: () => closeServer(server) }
}

async function route(
  options: ServerOptions,
  message: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const url = new URL(message.url ?? '/', 'http://local')
  if (url.pathname === '/ping' || (url.pathname === '/' && message.method === 'GET' && url.search === '')) {
    response.setHeader('Content-Type', 'text/html; charset=UTF-8')
    response.end('Ok.\n')
    return
  }
  if (url.pathname === '/') return handleQuery(options, message, response, url)
  response.statusCode = url.pathname === '/replicas_status' ? 501 : 404
  response.end(`There is no handle ${url.pathname}\n`)
}

function portOf(server: Server): number {
  const address = server.address()
  if (address === null || typeof address === 'string')
    throw new Error('the local server does not listen on a port')
  return address.port
}

/** Connections that are kept alive become idle when their request has ended; they must not hold up the end. */
function closeServer(server: Server): Promise<void> {
  return new Promise((resolve) => {
    const sweep = setInterval(() => server.closeIdleConnections(), 50)
    server.close(() => {
      clearInterval(sweep)
      resolve()
    })
    server.closeIdleConnections()
  })
}

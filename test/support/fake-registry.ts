import { createServer, type IncomingMessage, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface FakeAnswer {
  readonly status: number
  /** Text as it is; anything else as JSON. */
  readonly body: unknown
}

/** An HTTP server that answers as a test says, and notes what it was asked. */
export interface FakeRegistry {
  readonly url: string
  readonly asked: readonly string[]
  /** The most requests that were in work at the same time. */
  readonly peak: () => number
  close(): Promise<void>
}

export async function startFakeRegistry(
  answer: (path: string, request: IncomingMessage) => FakeAnswer | Promise<FakeAnswer>,
): Promise<FakeRegistry> {
  const asked: string[] = []
  let inWork = 0
  let peak = 0
  const server = createServer(async (request, response) => {
    const path = request.url ?? ''
    asked.push(path)
    peak = Math.max(peak, ++inWork)
    const { status, body } = await answer(path, request)
    inWork--
    response.writeHead(status).end(typeof body === 'string' ? body : JSON.stringify(body))
  })
  return {
    url: `http://127.0.0.1:${await listen(server)}/api`,
    asked,
    peak: () => peak,
    close: () => close(server),
  }
}

async function listen(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address: AddressInfo | string | null = server.address()
  if (address === null || typeof address === 'string') throw new Error('the server has no port')
  return address.port
}

async function close(server: Server): Promise<void> {
  server.closeAllConnections()
  await new Promise<void>((resolve) => server.close(() => resolve()))
}

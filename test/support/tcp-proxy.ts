import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'

export interface TcpProxyCounts {
  /** Connections accepted since the start. */
  accepted: number
  /** Connections closed at once because of `refuse()`. */
  refused: number
  /** Bytes passed on towards the server, and towards the client. */
  toServer: number
  toClient: number
  /** Bytes read and thrown away. */
  swallowedToServer: number
  swallowedToClient: number
  /** Answers that were broken off in their middle. */
  cutAnswers: number
}

/** A TCP relay in front of a server, with which a test breaks connections in a chosen way. */
export interface TcpProxy {
  readonly port: number
  readonly counts: Readonly<TcpProxyCounts>
  /** How many connections are open. */
  readonly open: number
  /** Resets all open connections. New ones are accepted. */
  drop(): void
  /** Resets all open connections and each new one, until `resume()`. */
  refuse(): void
  /**
   * From now on the server's bytes are read and thrown away, for good on the connections that are open now: the
   * request takes effect and its answer is lost. The client gets nothing more.
   */
  stallServerBytes(): void
  /** From now on the client's bytes never reach the server. */
  stallClientBytes(): void
  /** Of the server's next bytes on any connection the first half is passed on; then that connection is reset. */
  cutNextAnswer(): void
  /** Resolves at the next chunk that the server sends, before it is passed on or swallowed. */
  nextServerBytes(): Promise<void>
  /**
   * Back to normal for new connections. A connection that lost bytes is reset: its stream has a hole, so
   * nothing that comes later on it can be read correctly.
   */
  resume(): void
  close(): Promise<void>
}

interface Line {
  readonly client: Socket
  readonly server: Socket
  holed: boolean
}

type Mode = 'pass' | 'refuse' | 'stall-server' | 'stall-client' | 'cut-answer'

export async function tcpProxy(upstream: { host: string; port: number }): Promise<TcpProxy> {
  const relay = new Relay(upstream)
  await relay.listen()
  return relay
}

class Relay implements TcpProxy {
  readonly counts: TcpProxyCounts = {
    accepted: 0,
    refused: 0,
    toServer: 0,
    toClient: 0,
    swallowedToServer: 0,
    swallowedToClient: 0,
    cutAnswers: 0,
  }
  #mode: Mode = 'pass'
  #waiting: (() => void)[] = []
  readonly #upstream: { host: string; port: number }
  readonly #lines = new Set<Line>()
  readonly #listener: Server

  constructor(upstream: { host: string; port: number }) {
    this.#upstream = upstream
    this.#listener = createServer((client) => this.#accept(client))
  }

  get port(): number {
    return (this.#listener.address() as AddressInfo).port
  }

  async listen(): Promise<void> {
    this.#listener.listen(0, '127.0.0.1')
    await once(this.#listener, 'listening')
  }

  get open(): number {
    return this.#lines.size
  }

  drop(): void {
    for (const line of this.#lines) cut(line)
  }

  refuse(): void {
    this.#mode = 'refuse'
    this.drop()
  }

  stallServerBytes(): void {
    this.#mode = 'stall-server'
  }

  stallClientBytes(): void {
    this.#mode = 'stall-client'
  }

  cutNextAnswer(): void {
    this.#mode = 'cut-answer'
  }

  nextServerBytes(): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting.push(resolve)
    })
  }

  resume(): void {
    this.#mode = 'pass'
    for (const line of this.#lines) if (line.holed) cut(line)
  }

  async close(): Promise<void> {
    this.refuse()
    await new Promise((resolve) => this.#listener.close(resolve))
  }

  #accept(client: Socket): void {
    if (this.#mode === 'refuse') {
      this.counts.refused++
      client.on('error', () => {})
      client.resetAndDestroy()
      return
    }
    this.counts.accepted++
    const line: Line = { client, server: connect(this.#upstream), holed: false }
    this.#lines.add(line)
    for (const socket of [line.client, line.server]) {
      socket.setNoDelay(true)
      socket.on('error', () => cut(line))
      socket.once('close', () => {
        this.#lines.delete(line)
        cut(line)
      })
    }
    client.on('data', (chunk) => this.#towardsServer(line, chunk))
    client.on('end', () => line.server.end())
    line.server.on('data', (chunk) => this.#towardsClient(line, chunk))
    line.server.on('end', () => line.client.end())
  }

  #towardsServer(line: Line, chunk: Buffer): void {
    if (this.#mode === 'stall-client') {
      line.holed = true
      this.counts.swallowedToServer += chunk.length
      return
    }
    this.counts.toServer += chunk.length
    pass(chunk, line.client, line.server)
  }

  #towardsClient(line: Line, chunk: Buffer): void {
    for (const resolve of this.#waiting.splice(0)) resolve()
    if (this.#mode === 'stall-server') {
      line.holed = true
      this.counts.swallowedToClient += chunk.length
      return
    }
    if (this.#mode === 'cut-answer') {
      this.#mode = 'pass'
      const half = chunk.subarray(0, Math.ceil(chunk.length / 2))
      this.counts.toClient += half.length
      this.counts.cutAnswers++
      // Reset only when the half has left, or it would be thrown away with the connection.
      line.client.write(half, () => cut(line))
      return
    }
    this.counts.toClient += chunk.length
    pass(chunk, line.server, line.client)
  }
}

/** Writes, and stops reading while the other side is slow. */
function pass(chunk: Buffer, from: Socket, to: Socket): void {
  if (to.write(chunk)) return
  from.pause()
  to.once('drain', () => from.resume())
}

function cut(line: Line): void {
  for (const socket of [line.client, line.server]) if (!socket.destroyed) socket.resetAndDestroy()
}

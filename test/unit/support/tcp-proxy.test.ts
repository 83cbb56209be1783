import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type TcpProxy, tcpProxy } from '../../support/tcp-proxy.ts'

let echo: Server
let received: string
let proxy: TcpProxy
const clients: Socket[] = []

beforeEach(async () => {
  received = ''
  echo = createServer((socket) => {
    socket.on('error', () => {})
    socket.on('data', (chunk) => {
      received += chunk
      socket.write(chunk)
    })
  }).listen(0, '127.0.0.1')
  await once(echo, 'listening')
  proxy = await tcpProxy({ host: '127.0.0.1', port: (echo.address() as AddressInfo).port })
})

afterEach(async () => {
  for (const client of clients.splice(0)) client.destroy()
  await proxy.close()
  await new Promise((resolve) => echo.close(resolve))
})

async function client(): Promise<Socket> {
  const socket = connect(proxy.port, '127.0.0.1')
  clients.push(socket)
  socket.on('error', () => {})
  await once(socket, 'connect')
  return socket
}

function closed(socket: Socket): Promise<void> {
  return new Promise((resolve) => socket.once('close', () => resolve()))
}

async function ask(socket: Socket, text: string): Promise<string> {
  socket.write(text)
  const [answer] = await once(socket, 'data')
  return String(answer)
}

describe('tcp proxy', () => {
  it('passes bytes both ways and counts them', async () => {
    expect(await ask(await client(), 'hello')).toBe('hello')
    expect(proxy.counts).toMatchObject({ accepted: 1, toServer: 5, toClient: 5 })
  })

  it('drop cuts what is open and lets new connections in', async () => {
    const first = await client()
    await ask(first, 'a')
    const gone = closed(first)
    proxy.drop()
    await gone
    expect(await ask(await client(), 'b')).toBe('b')
  })

  it('refuse resets new connections until resume', async () => {
    proxy.refuse()
    const refused = connect(proxy.port, '127.0.0.1')
    refused.on('error', () => {})
    await closed(refused)
    expect(proxy.counts).toMatchObject({ accepted: 0, refused: 1 })
    proxy.resume()
    expect(await ask(await client(), 'c')).toBe('c')
  })

  it('stallServerBytes lets the request take effect and loses the answer', async () => {
    const socket = await client()
    await ask(socket, 'a')
    proxy.stallServerBytes()
    const answered = proxy.nextServerBytes()
    socket.write('pay')
    await answered
    expect(received).toBe('apay')
    expect(proxy.counts).toMatchObject({ toClient: 1, swallowedToClient: 3 })
  })

  it('stallClientBytes keeps the request from the server', async () => {
    const socket = await client()
    await ask(socket, 'a')
    proxy.stallClientBytes()
    socket.write('pay')
    await expect.poll(() => proxy.counts.swallowedToServer).toBe(3)
    expect(received).toBe('a')
  })

  it('resume resets a connection that lost bytes and keeps one that did not', async () => {
    const quiet = await client()
    await ask(quiet, 'q')
    const holed = await client()
    await ask(holed, 'h')
    proxy.stallServerBytes()
    const swallowed = proxy.nextServerBytes()
    holed.write('x')
    await swallowed
    const gone = closed(holed)
    proxy.resume()
    await gone
    expect(await ask(quiet, 'still')).toBe('still')
  })

  it('cutNextAnswer passes half of an answer on, then resets', async () => {
    const socket = await client()
    await ask(socket, 'a')
    proxy.cutNextAnswer()
    const gone = closed(socket)
    expect(await ask(socket, 'answer')).toBe('ans')
    await gone
    expect(await ask(await client(), 'b')).toBe('b')
    expect(proxy.counts.cutAnswers).toBe(1)
  })
})

import { execFileSync, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import net, { type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import tls from 'node:tls'
import type { ISocketFactoryArgs } from 'kafkajs'
import { describe, expect, onTestFinished, test } from 'vitest'
import { wholeAnswerSocket } from '../../../runtime/kafka-wire/socket.ts'

const withoutOpenssl = spawnSync('openssl', ['version']).status !== 0

function framed(text: string): Buffer {
  const answer = Buffer.alloc(4 + text.length, text)
  answer.writeInt32BE(text.length)
  answer.write(text, 4)
  return answer
}

const ANSWERS = [framed('one'), framed('two'), framed('x'.repeat(300_000))]

/** Sends the answers in two parts, the first of which ends within an answer, and hangs up. */
function answerAll(socket: net.Socket): void {
  const bytes = Buffer.concat(ANSWERS)
  socket.once('data', () => {
    socket.write(bytes.subarray(0, 9), () => {
      socket.end(bytes.subarray(9))
    })
  })
}

async function listening(server: net.Server): Promise<number> {
  server.listen(0, '127.0.0.1')
  onTestFinished(() => void server.close())
  await once(server, 'listening')
  return (server.address() as AddressInfo).port
}

function open(port: number, ssl: tls.ConnectionOptions | null): net.Socket {
  // kafkajs passes null where there is no TLS; its types do not say so.
  const args = { host: 'localhost', port, ssl, onConnect: () => socket.write('ask') } as ISocketFactoryArgs
  const socket = wholeAnswerSocket(args)
  return socket
}

async function answersOf(socket: net.Socket): Promise<Buffer[]> {
  const answers: Buffer[] = []
  socket.on('data', (answer) => answers.push(answer as Buffer))
  await once(socket, 'end')
  return answers
}

/** A key, and a certificate for localhost that vouches for itself. */
function certified(): { readonly key: Buffer; readonly cert: Buffer } {
  const dir = mkdtempSync(join(tmpdir(), 'daybook-tls-'))
  onTestFinished(() => rmSync(dir, { recursive: true }))
  const [key, cert] = [join(dir, 'key.pem'), join(dir, 'cert.pem')]
  const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost']
  const kind = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '1']
  execFileSync('openssl', ['req', '-x509', ...kind, '-keyout', key, '-out', cert, ...subject], {
    stdio: 'ignore',
  })
  return { key: readFileSync(key), cert: readFileSync(cert) }
}

describe('a socket to a broker', () => {
  test('hands whole answers over, one by one, and says when the broker hangs up', async () => {
    const port = await listening(net.createServer(answerAll))
    expect(await answersOf(open(port, null))).toEqual(ANSWERS)
  })

  test.skipIf(withoutOpenssl)('does so over TLS, too', async () => {
    const { key, cert } = certified()
    const port = await listening(tls.createServer({ key, cert }, answerAll))
    expect(await answersOf(open(port, { ca: cert }))).toEqual(ANSWERS)
  })

  test('ends with an error where no broker answers', async () => {
    const port = await listening(net.createServer((socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n')))
    const socket = open(port, null)
    const failed = once(socket, 'error')
    socket.on('data', () => {})
    expect(String(await failed)).toContain('is not a Kafka broker')
  })
})

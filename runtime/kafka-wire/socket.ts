import net from 'node:net'
import tls from 'node:tls'
import type { ISocketFactory } from 'kafkajs'
import { AnswerReader } from './answers.ts'

const KEEP_ALIVE_DELAY_MS = 60_000
const READ_BYTES = 256 * 1024

type Listener = (...args: unknown[]) => void

/**
 * The sockets that kafkajs would make, but a broker's answers are handed over whole. kafkajs keeps the first part of
 * an answer when its connection breaks, and takes the bytes of the next connection for the rest: it then reads sizes
 * out of the middle of an answer, and throws where nobody can catch it
 * (https://github.com/tulios/kafkajs/issues/715).
 *
 * All bytes are read into one buffer for each socket: a new one for each read, as streams do it, made the collector
 * of a busy worker run twice as often.
 */
export const wholeAnswerSocket: ISocketFactory = ({ host, port, ssl, onConnect }) => {
  let onAnswer: Listener = () => {}
  const answers = new AnswerReader((answer) => onAnswer(answer))
  const take = (chunk: Uint8Array) => {
    if (answers.take(chunk)) return true
    socket.destroy(new Error(`what answers at ${host}:${port} is not a Kafka broker`))
    return false
  }
  // kafkajs passes null where there is no TLS, whatever its types say.
  const options: tls.ConnectionOptions | null = ssl
  const socket =
    options === null ? plain(host, port, onConnect, take) : secure(host, port, onConnect, options)
  socket.setKeepAlive(true, KEEP_ALIVE_DELAY_MS)
  const on = socket.on.bind(socket)
  if (options !== null) on('data', take)
  return Object.assign(socket, {
    on: (event: string, listener: Listener) => {
      if (event !== 'data') return on(event, listener)
      onAnswer = listener
      return socket
    },
  })
}

function plain(
  host: string,
  port: number,
  onConnect: () => void,
  take: (chunk: Uint8Array) => boolean,
): net.Socket {
  const buffer = Buffer.allocUnsafeSlow(READ_BYTES)
  const onread = { buffer, callback: (bytes: number) => take(buffer.subarray(0, bytes)) }
  return net.connect({ host, port, onread }, onConnect)
}

/** TLS has no use for `onread`: it decrypts into buffers of its own. */
function secure(
  host: string,
  port: number,
  onConnect: () => void,
  options: tls.ConnectionOptions,
): net.Socket {
  const servername = net.isIP(host) === 0 ? { servername: host } : {}
  return tls.connect({ host, port, ...servername, ...options }, onConnect)
}

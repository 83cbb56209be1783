import { connect, type Socket } from 'node:net'

/** What became of a request: an answer of so many bytes, or the broker closed the connection without one. */
export type RequestOutcome =
  | { readonly kind: 'answered'; readonly answer: Buffer }
  | { readonly kind: 'closed' }

export interface RawRequest {
  readonly broker: string
  readonly apiKey: number
  readonly apiVersion: number
  /** What follows the client id; the same buffer may be given to many requests. */
  readonly body: Buffer
}

/** Sends a request as it is, and waits for its end as long as it takes. */
export async function sendRaw(request: RawRequest): Promise<RequestOutcome> {
  const socket = connectTo(request.broker)
  try {
    socket.write(frameOf(request, request.body.length))
    socket.write(request.body)
    return await outcomeOf(socket)
  } finally {
    socket.destroy()
  }
}

/** A connection that says a request of `bytes` is coming, and sends nothing of it. */
export async function announce(broker: string, bytes: number): Promise<Socket> {
  const socket = connectTo(broker)
  socket.on('error', () => undefined)
  const size = Buffer.alloc(4)
  size.writeInt32BE(bytes)
  await new Promise<void>((resolve) => socket.write(size, () => resolve()))
  return socket
}

function connectTo(broker: string): Socket {
  const [host = '', port = ''] = broker.split(':')
  return connect({ host, port: Number(port) })
}

/** Size, API key, API version, correlation id, and no client id. */
function frameOf({ apiKey, apiVersion }: RawRequest, bodyBytes: number): Buffer {
  const frame = Buffer.alloc(14)
  frame.writeInt32BE(10 + bodyBytes)
  frame.writeInt16BE(apiKey, 4)
  frame.writeInt16BE(apiVersion, 6)
  frame.writeInt32BE(1, 8)
  frame.writeInt16BE(-1, 12)
  return frame
}

async function outcomeOf(socket: Socket): Promise<RequestOutcome> {
  let bytes = Buffer.alloc(0)
  try {
    for await (const chunk of socket) {
      bytes = Buffer.concat([bytes, chunk as Buffer])
      if (bytes.length >= 4 && bytes.length >= 4 + bytes.readInt32BE(0))
        return { kind: 'answered', answer: bytes.subarray(4) }
    }
  } catch (error) {
    // A broker that closes before it has read everything resets the connection.
    if (!(error instanceof Error && 'code' in error && ['ECONNRESET', 'EPIPE'].includes(String(error.code))))
      throw error
  }
  return { kind: 'closed' }
}

import { connect } from 'node:net'

/** Kafka protocol guide, LeaveGroup version 2: the newest that takes one member. */
const LEAVE_GROUP = { apiKey: 13, apiVersion: 2 } as const

/** Throws a member out of a group, as anybody may who has READ on it and knows the member's id. Gives the error code. */
export async function leaveGroup(o: {
  readonly broker: string
  readonly group: string
  readonly memberId: string
}): Promise<number> {
  const [host = '', port = ''] = o.broker.split(':')
  const socket = connect({ host, port: Number(port) })
  try {
    const body = Buffer.concat([head(), text(o.group), text(o.memberId)])
    const size = Buffer.alloc(4)
    size.writeInt32BE(body.length)
    socket.write(Buffer.concat([size, body]))
    let bytes = Buffer.alloc(0)
    for await (const chunk of socket as NodeJS.ReadableStream) {
      bytes = Buffer.concat([bytes, chunk as Buffer])
      if (bytes.length >= 14) break
    }
    // Size, correlation id, throttle time.
    return bytes.readInt16BE(12)
  } finally {
    socket.destroy()
  }
}

function head(): Buffer {
  const bytes = Buffer.alloc(10)
  bytes.writeInt16BE(LEAVE_GROUP.apiKey, 0)
  bytes.writeInt16BE(LEAVE_GROUP.apiVersion, 2)
  bytes.writeInt32BE(1, 4)
  bytes.writeInt16BE(-1, 8) // client id: null
  return bytes
}

function text(value: string): Buffer {
  const length = Buffer.alloc(2)
  length.writeInt16BE(Buffer.byteLength(value))
  return Buffer.concat([length, Buffer.from(value)])
}

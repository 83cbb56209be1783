import { describe, expect, it } from 'vitest'
import { assertClientVersion, CLIENT_VERSION } from '../../../../../consumers/kafka/client/kafka-client.ts'
import { brokerHandle, takeAnswersUncopied } from '../../../../../consumers/kafka/client/kafkajs-internals.ts'

describe('the pinned client', () => {
  it('is installed', () => expect(() => assertClientVersion()).not.toThrow())

  it('is refused in any other version', () => {
    expect(() => assertClientVersion('2.2.5')).toThrow(
      expect.objectContaining({ code: 'DAYBOOK_KAFKA_CLIENT_VERSION' }),
    )
    expect(CLIENT_VERSION).toBe('2.2.4')
  })

  it('is refused when its inside is another', () => {
    expect(() => brokerHandle({ connectionPool: {} })).toThrow(/kafkajs has no send/)
  })

  it('takes an answer that comes whole as it is, and finishes one that came in parts', () => {
    const taken: Uint8Array[] = []
    const connection = {
      chunks: [Buffer.alloc(0)],
      bytesBuffered: 0,
      processData(part: Buffer<ArrayBuffer>) {
        this.chunks.push(part)
        this.bytesBuffered += part.length
        const [first] = this.chunks
        if (this.bytesBuffered < 8 || first === undefined) return
        taken.push(this.chunks.length > 1 ? Buffer.concat(this.chunks) : first)
        this.chunks = [Buffer.alloc(0)]
        this.bytesBuffered = 0
      },
    }
    takeAnswersUncopied({ connectionPool: { pool: [connection, connection] } })
    const whole = Buffer.from('12345678')
    connection.processData(whole)
    connection.processData(Buffer.from('1234'))
    connection.processData(Buffer.from('5678'))
    expect(taken[0]).toBe(whole)
    expect(taken[1]).toEqual(whole)
  })
})

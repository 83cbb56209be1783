import { describe, expect, it } from 'vitest'
import { assertClientVersion, CLIENT_VERSION } from '../../../../../consumers/kafka/client/kafka-client.ts'
import { brokerHandle } from '../../../../../consumers/kafka/client/kafkajs-internals.ts'

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
})

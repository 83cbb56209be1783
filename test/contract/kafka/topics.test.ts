import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { assertNoErrors, checkTopics } from '../../../consumers/kafka/topics/check-topics.ts'
import { exitCodeOf } from '../../../runtime/exit-codes.ts'
import { openBroker, type TestBroker } from './broker.ts'

let broker: TestBroker
beforeAll(async () => {
  broker = await openBroker()
})
afterAll(() => broker.close())

describe('the check of topics', { timeout: 30_000 }, () => {
  it('finds nothing wrong with topics that are set up for an audit log', async () => {
    const topic = await broker.createTopic({
      config: { 'retention.ms': '604800000', 'max.message.bytes': '1000000' },
    })
    const quarantineTopic = await broker.createTopic({
      config: { 'max.message.bytes': '2000000', 'retention.ms': '-1' },
    })
    const findings = await checkTopics({ brokers: broker.brokers, topics: [topic], quarantineTopic })
    expect(findings.filter(({ severity }) => severity === 'error')).toEqual([])
  })

  it('names every wrong setting at once, with the remedy', async () => {
    const topic = await broker.createTopic({
      config: {
        'message.timestamp.type': 'CreateTime',
        'cleanup.policy': 'compact',
        'retention.ms': '3600000',
        'retention.bytes': '1000000',
      },
    })
    const quarantineTopic = await broker.createTopic({ config: { 'max.message.bytes': '1000000' } })
    const findings = await checkTopics({ brokers: broker.brokers, topics: [topic], quarantineTopic })
    const found = findings.map(({ setting, severity }) => `${severity} ${setting}`)
    expect(found).toEqual(
      expect.arrayContaining([
        'error message.timestamp.type',
        'error cleanup.policy',
        'error retention.ms',
        'error retention.bytes',
        'error max.message.bytes',
      ]),
    )
    expect(() => assertNoErrors(findings)).toThrow(
      /kafka-configs --bootstrap-server <broker> --alter --topic/,
    )
  })

  it('need not look at bounds on the times of producers: with append time they refuse nothing', async () => {
    const topic = await broker.createTopic({
      config: { 'message.timestamp.before.max.ms': '1', 'message.timestamp.after.max.ms': '1' },
    })
    const inAYear = String(Date.now() + 365 * 86_400_000)
    await broker.produce(topic, [
      { value: 'old', timestamp: '1' },
      { value: 'new', timestamp: inAYear },
    ])
    const [offsets] = await broker.admin.fetchTopicOffsets(topic)
    expect(offsets?.high).toBe('2')
  })

  it('names a topic that does not exist beside the faults of the others', async () => {
    const topic = await broker.createTopic({ config: { 'retention.ms': '3600000' } })
    const topics = ['no.such.topic', topic]
    const findings = await checkTopics({ brokers: broker.brokers, topics, quarantineTopic: null })
    const error = catchError(() => assertNoErrors(findings))
    expect(error).toMatchObject({ code: 'DAYBOOK_KAFKA_TOPIC_CONFIG', scope: 'worker' })
    expect(String(error)).toMatch(/no\.such\.topic does not exist.*retention\.ms is 3600000/s)
    expect(exitCodeOf(error)).toBe(78)
  })
})

function catchError(act: () => void): unknown {
  try {
    act()
    return null
  } catch (error) {
    return error
  }
}

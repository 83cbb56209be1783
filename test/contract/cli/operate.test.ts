import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createKafkaClient } from '../../../consumers/kafka/client/kafka-client.ts'
import { openCluster } from '../../../consumers/kafka/client/open-cluster.ts'
import { type CliWorld, cliWorld } from '../../support/cli/environment.ts'
import { runCli } from '../../support/cli/run.ts'
import { joinAsNewerConsumer } from '../../support/kafka/newer-consumer.ts'
import { alterTopic } from '../../support/kafka/topic-admin.ts'
import { testStack } from '../../support/stack.ts'

let world: CliWorld
const { kafka } = testStack()
beforeAll(async () => {
  world = await cliWorld('cli-operate')
  await produce(['one', 'two', 'three'])
  expect(await runCli(['schema', 'register'], world.env)).toMatchObject({ code: 0 })
})
afterAll(() => world.remove())

async function produce(values: readonly string[]): Promise<void> {
  const producer = createKafkaClient(kafka).producer()
  await producer.connect()
  await producer.send({ topic: world.topic, messages: values.map((value) => ({ value, partition: 0 })) })
  await producer.disconnect()
}

describe('status', () => {
  it('names endpoints, credentials and positions', async () => {
    const { code, stdout } = await runCli(['status', '--json'], world.env)
    expect(code).toBe(0)
    const status = JSON.parse(stdout)
    expect(status).toMatchObject({
      endpoints: { kafka: kafka.brokers.join(','), clickhouse: testStack().clickhouse.url },
      credentials: {
        registry: testStack().registry.auth ?? null,
        s3: { accessKeyId: testStack().s3.accessKeyId },
      },
      topic: world.topic,
      view: 'daybook.audit',
      answers: { kafka: { ok: true }, registry: { ok: true }, clickhouse: { ok: true }, s3: { ok: true } },
      objectLock: true,
    })
    expect(status.positions).toContainEqual(
      expect.objectContaining({ group: 'daybook-hot', partition: 0, logEnd: '3', lag: '3', tip: null }),
    )
  })

  it('ends with 1 and says who does not answer', async () => {
    const env = { ...world.env, DAYBOOK_S3_ENDPOINT: 'http://127.0.0.1:1' }
    const { code, stdout } = await runCli(['status', '--json'], env)
    expect(code).toBe(1)
    expect(JSON.parse(stdout).answers).toMatchObject({ kafka: { ok: true }, s3: { ok: false } })
  })
})

describe('a group', () => {
  const status = async () => {
    const { code, stdout } = await runCli(['status', '--json'], world.env)
    return { code, ...JSON.parse(stdout) }
  }

  it('that a consumer of the newer protocol has joined still shows its workers, and ends status with 1', async () => {
    const worker = createKafkaClient(kafka).consumer({ groupId: 'daybook-hot', heartbeatInterval: 500 })
    await worker.connect()
    await worker.subscribe({ topic: world.topic })
    const joined = new Promise<void>((resolve) => worker.on('consumer.group_join', () => resolve()))
    await worker.run({ autoCommit: false, eachMessage: async () => {} })
    await joined
    const cluster = await openCluster(createKafkaClient(kafka))
    try {
      expect(await status()).toMatchObject({ code: 0, members: { 'daybook-hot': 1 }, groupConcerns: [] })
      const leave = await joinAsNewerConsumer(cluster.view, 'daybook-hot', world.topic)
      const admin = createKafkaClient(kafka).admin()
      await admin.connect()
      // What made status say that there are no workers.
      expect((await admin.describeGroups(['daybook-hot'])).groups).toMatchObject([
        { state: 'Dead', members: [] },
      ])
      await admin.disconnect()
      expect(await status()).toMatchObject({
        code: 1,
        members: { 'daybook-hot': 1 },
        groupConcerns: [{ group: 'daybook-hot', message: expect.stringContaining('--members') }],
      })
      const rewind = ['offsets', 'rewind', '--group', 'hot', '--topic', world.topic, '--to', '0', '--yes']
      expect(await runCli(rewind, world.env)).toMatchObject({
        code: 2,
        stderr: expect.stringContaining('DAYBOOK_CLI_GROUP_IN_USE'),
      })
      await leave()
      expect(await status()).toMatchObject({ code: 0, members: { 'daybook-hot': 1 }, groupConcerns: [] })
    } finally {
      await cluster.close()
      await worker.disconnect()
    }
  })
})

describe('a topic', () => {
  it('whose settings are wrong is named with the remedy, and ends status with 1', async () => {
    const admin = createKafkaClient(kafka).admin()
    await admin.connect()
    const restore = await alterTopic(admin, world.topic, { 'cleanup.policy': 'compact' })
    const { code, stdout } = await runCli(['status'], world.env)
    await restore()
    await admin.disconnect()
    expect(code).toBe(1)
    expect(stdout).toContain(`✗ ${world.topic}: cleanup.policy is compact, must not contain compact`)
    expect(await runCli(['status'], world.env)).toMatchObject({ code: 0 })
  })

  it('that is missing is named, and hides nothing of the others', async () => {
    const env = { ...world.env, DAYBOOK_TOPICS: `${world.topic},none.such` }
    const { code, stdout } = await runCli(['status', '--json'], env)
    expect(code).toBe(1)
    expect(JSON.parse(stdout)).toMatchObject({
      answers: { kafka: { ok: true } },
      topicFindings: [{ topic: 'none.such', setting: '' }],
      positions: expect.arrayContaining([expect.objectContaining({ topic: world.topic })]),
    })
  })
})

describe('a stopped partition', () => {
  const commit = async (metadata: string | null) => {
    const admin = createKafkaClient(kafka).consumer({ groupId: 'daybook-cold' })
    await admin.connect()
    await admin.subscribe({ topic: world.topic })
    const joined = new Promise<void>((resolve) => admin.on('consumer.group_join', () => resolve()))
    await admin.run({ eachMessage: async () => {} })
    await joined
    await admin.commitOffsets([{ topic: world.topic, partition: 1, offset: '0', metadata }])
    await admin.disconnect()
  }

  it('is shown with code, time and remedy until it goes on, and ends status with 1', async () => {
    await commit('{"stopped":"DAYBOOK_COLD_NOT_INITIALISED","since":1000}')
    const json = await runCli(['status', '--json'], world.env)
    expect(json.code).toBe(1)
    expect(JSON.parse(json.stdout).stopped).toEqual([
      {
        group: 'daybook-cold',
        topic: world.topic,
        partition: 1,
        code: 'DAYBOOK_COLD_NOT_INITIALISED',
        since: '1970-01-01T00:00:01.000Z',
        remedy: expect.stringContaining('daybook archive init'),
      },
    ])
    const text = await runCli(['status'], world.env)
    expect(text.code).toBe(1)
    expect(text.stdout).toContain(
      `✗ daybook-cold: ${world.topic}/1 is stopped since 1970-01-01T00:00:01.000Z by DAYBOOK_COLD_NOT_INITIALISED`,
    )
    await commit(null)
    expect(await runCli(['status'], world.env)).toMatchObject({ code: 0 })
  })
})

describe('offsets', () => {
  const rewind = (more: readonly string[]) =>
    runCli(['offsets', 'rewind', '--group', 'cold', '--topic', world.topic, '--json', ...more], world.env)

  async function committed(): Promise<string | null> {
    const { stdout } = await runCli(['offsets', 'show', '--json'], world.env)
    const positions: { group: string; partition: number; committed: string | null }[] = JSON.parse(stdout)
    const found = positions.find((each) => each.group === 'daybook-cold' && each.partition === 0)
    return found?.committed ?? null
  }

  it('changes nothing without --yes, and sets offsets with it', async () => {
    expect(await rewind(['--partition', '0', '--to', '2'])).toMatchObject({ code: 0 })
    expect(await committed()).toBeNull()
    expect(await rewind(['--partition', '0', '--to', '2', '--yes'])).toMatchObject({ code: 0 })
    expect(await committed()).toBe('2')
  })

  it('refuses an offset outside the log', async () => {
    expect(await rewind(['--partition', '0', '--to', '99', '--yes'])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('outside 0..3'),
    })
  })

  it('accepts as lost only what the log no longer holds, for each store', async () => {
    const accept = (store: string, through: string, ...more: string[]) =>
      runCli(
        ['offsets', 'accept-gap', '--store', store, '--topic', world.topic, '--partition', '0'].concat([
          '--through',
          through,
          '--reason',
          'test',
          '--json',
          ...more,
        ]),
        world.env,
      )
    expect(await accept('hot', '1')).toMatchObject({ code: 2, stderr: expect.stringContaining('not lost') })
    const none = await accept('hot', '2', '--holes')
    expect(JSON.parse(none.stdout)).toMatchObject({ accepted: false, lost: '0', holes: [] })
    const admin = createKafkaClient(kafka).admin()
    await admin.connect()
    // Makes the client learn the topic's leaders.
    await admin.fetchTopicOffsets(world.topic)
    await admin.deleteTopicRecords({ topic: world.topic, partitions: [{ partition: 0, offset: '2' }] })
    await admin.disconnect()
    const beyond = await accept('hot', '3', '--holes')
    expect(beyond).toMatchObject({ code: 2, stderr: expect.stringContaining('ends before 3') })
    const holes = [{ first: '0', last: '1' }]
    const shown = JSON.parse((await accept('hot', '2', '--holes', '--dry-run')).stdout)
    expect(shown).toMatchObject({ accepted: false, through: '1', lost: '2', holes })
    const status = await runCli(['status'], world.env)
    expect(status.code).toBe(1)
    expect(status.stdout).toContain(
      `✗ daybook-hot: ${world.topic}/0: offsets 0..1 are gone before they were delivered`,
    )
    for (const store of ['hot', 'cold']) {
      const { code, stdout } = await accept(store, '1')
      expect(code).toBe(0)
      expect(JSON.parse(stdout)).toMatchObject({
        store,
        partition: 0,
        first: '0',
        through: '1',
        accepted: true,
      })
    }
    const row = await runCli(
      ['sql', '--json', '--param', `topic=${world.topic}`].concat(
        'SELECT through::String AS through, reason FROM daybook.accepted_losses WHERE topic = {topic:String}',
      ),
      world.env,
    )
    expect(JSON.parse(row.stdout)).toEqual({ through: '1', reason: 'test' })
  })
})

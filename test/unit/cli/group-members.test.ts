import { expect, it } from 'vitest'
import { groupMembers } from '../../../cli/group-members.ts'
import type { BrokerHandle } from '../../../consumers/kafka/client/kafkajs-internals.ts'
import { WireWriter } from '../../../consumers/kafka/protocol/wire-codec.ts'

const GROUP = 'daybook-hot'
const API = { describe: 15, list: 16, consumerDescribe: 69 } as const
const GROUP_AUTHORIZATION_FAILED = 30
const CLASSIC_MEMBER = 0
const CONSUMER_MEMBER = 1

const int16 = (writer: WireWriter, value: number): WireWriter => writer.int8(0).int8(value)
/** Tags and throttle time. */
const head = (): WireWriter => new WireWriter().noTags().int32(0)

function classicGroup(state: string, members: number, errorCode = 0): Buffer {
  const writer = head().uvarint(2)
  int16(writer, errorCode).compactString(GROUP).compactString(state).compactString('').compactString('')
  writer.compactArray(Array.from({ length: members }), () => {
    writer.compactString('id').compactNullableString(null).compactString('client').compactString('/host')
    writer.compactBytes(Buffer.of(1)).compactBytes(Buffer.of(2)).noTags()
  })
  return writer.int32(0).noTags().noTags().take()
}

function groupList(type: string | null): Buffer {
  const writer = int16(head(), 0)
  const groups = [...(type === null ? [] : [[GROUP, type]]), ['another', 'share']]
  writer.compactArray(groups, ([id = '', of = '']) => {
    writer.compactString(id).compactString('consumer').compactString('Stable').compactString(of).noTags()
  })
  return writer.noTags().take()
}

function consumerGroup(types: readonly number[]): Buffer {
  const writer = int16(head().uvarint(2), 0)
  writer.compactNullableString(null).compactString(GROUP).compactString('Stable').int32(7).int32(7)
  writer.compactString('uniform')
  writer.compactArray(types, (type) => {
    writer.compactString('id').compactNullableString(null).compactNullableString(null).int32(7)
    writer.compactString('client').compactString('/host')
    writer.compactArray(['topic'], (topic) => writer.compactString(topic)).compactNullableString(null)
    for (const _ of ['assignment', 'target']) {
      writer.compactArray(['topic'], (topic) => {
        writer.uuid('00000000-0000-0000-0000-000000000001').compactString(topic)
        writer.compactArray([0, 1], (partition) => writer.int32(partition)).noTags()
      })
      writer.noTags()
    }
    writer.int8(type).noTags()
  })
  return writer.int32(0).noTags().noTags().take()
}

/** A coordinator that gives these answers, by API, and speaks ConsumerGroupDescribe up to the given version. */
function view(answers: Readonly<Record<number, Buffer>>, consumerDescribe = 1) {
  const broker: Pick<BrokerHandle, 'send' | 'maxVersion'> = {
    maxVersion: (apiKey) => (apiKey === API.consumerDescribe ? consumerDescribe : 5),
    send: async ({ apiKey }, _timeoutMs, decode) => decode(answers[apiKey] ?? Buffer.alloc(0)),
  }
  return { coordinator: async () => broker as BrokerHandle }
}

const DEAD = classicGroup('Dead', 0)

it('counts the members of a usual group, and none where there is no group', async () => {
  const usual = view({ [API.describe]: classicGroup('Stable', 2) })
  expect(await groupMembers(usual, GROUP)).toEqual({ group: GROUP, workers: 2, concern: null })
  const empty = view({ [API.describe]: classicGroup('Empty', 0) })
  expect(await groupMembers(empty, GROUP)).toEqual({ group: GROUP, workers: 0, concern: null })
  const none = view({ [API.describe]: DEAD, [API.list]: groupList(null) })
  expect(await groupMembers(none, GROUP)).toEqual({ group: GROUP, workers: 0, concern: null })
})

it('counts workers and names others in a group that a consumer of the newer protocol has turned', async () => {
  const turned = (...types: number[]) =>
    view({
      [API.describe]: DEAD,
      [API.list]: groupList('consumer'),
      [API.consumerDescribe]: consumerGroup(types),
    })
  expect(await groupMembers(turned(CLASSIC_MEMBER, CONSUMER_MEMBER), GROUP)).toEqual({
    group: GROUP,
    workers: 1,
    concern: expect.stringMatching(/workers have: 1; .*--members --group daybook-hot .*stop it/),
  })
  expect(await groupMembers(turned(CLASSIC_MEMBER), GROUP)).toEqual({
    group: GROUP,
    workers: 1,
    concern: null,
  })
})

it.each([
  ['consumer', 0],
  ['share', 1],
  ['streams', 1],
])('never says 0 of a group of type %s that it cannot list', async (type, consumerDescribe) => {
  const found = view({ [API.describe]: DEAD, [API.list]: groupList(type) }, consumerDescribe)
  expect(await groupMembers(found, GROUP)).toEqual({
    group: GROUP,
    workers: null,
    concern: expect.stringMatching(
      new RegExp(
        `^members cannot be listed: the group is of type ${type}, .*--group daybook-hot .*stop what`,
      ),
    ),
  })
})

it('never says 0 where the coordinator refuses, or does not answer as it should', async () => {
  const refused = view({ [API.describe]: classicGroup('', 0, GROUP_AUTHORIZATION_FAILED) })
  expect(await groupMembers(refused, GROUP)).toMatchObject({
    workers: null,
    concern: expect.stringContaining('DAYBOOK_KAFKA_UNAUTHORIZED'),
  })
  expect(await groupMembers(view({}), GROUP)).toMatchObject({
    workers: null,
    concern: expect.stringMatching(/^members cannot be listed: DAYBOOK_KAFKA_BROKER/),
  })
})

import fc from 'fast-check'
import { AssignerProtocol } from 'kafkajs'
import { describe, expect, it } from 'vitest'
import {
  decodeAssignment,
  decodeSubscription,
  encodeAssignment,
  encodeSubscription,
} from '../../../../../consumers/kafka/group/consumer-protocol.ts'
import {
  hasMore,
  type Layout,
  planGroup,
  readableMembers,
} from '../../../../../consumers/kafka/group/group-plan.ts'
import { decodeHolding, encodeHolding } from '../../../../../consumers/kafka/group/holding.ts'

const holding = { current: new Map([['t', [1, 5]]]), generation: 7 }
const ours = (memberId: string) => ({
  memberId,
  metadata: encodeSubscription({ topics: ['t'], userData: encodeHolding(holding) }),
})

const layout = (partitions: number, topicId = 'id', topic = 't'): Layout =>
  new Map([[topic, { topicId, partitions: Array.from({ length: partitions }, (_, i) => i) }]])

describe('what a member tells the leader', () => {
  it('survives the journey', () => {
    expect(decodeHolding(encodeHolding(holding))).toEqual(holding)
    const subscription = { topics: ['a', 'ü'], userData: Buffer.from('x') }
    expect(decodeSubscription(encodeSubscription(subscription))).toEqual(subscription)
    expect(decodeAssignment(encodeAssignment(holding.current))).toEqual(holding.current)
  })

  it('is written as other clients write it', () => {
    const { topics, userData } = { topics: ['a', 'b'], userData: encodeHolding(holding) }
    expect(encodeSubscription({ topics, userData })).toEqual(
      AssignerProtocol.MemberMetadata.encode({ version: 0, topics, userData }),
    )
    const assignment = Object.fromEntries([...holding.current].map(([topic, own]) => [topic, [...own]]))
    expect(encodeAssignment(holding.current)).toEqual(
      AssignerProtocol.MemberAssignment.encode({ version: 0, assignment, userData: Buffer.alloc(0) }),
    )
  })

  it.each(['', 'x', '{}', 'null', '{"generation":"1","owned":{}}', '{"generation":1,"owned":null}'])(
    'counts for nothing when it is not ours: %s',
    (text) => expect(decodeHolding(Buffer.from(text))).toBeNull(),
  )

  it('never makes the leader fail, whatever the bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), fc.nat(60), (bytes, cut) => {
        const raw = Buffer.from(bytes)
        const half = ours('x').metadata.subarray(0, cut)
        for (const metadata of [raw, half, Buffer.concat([half, raw])]) {
          readableMembers([{ memberId: 'stranger', metadata }])
          decodeAssignment(metadata)
        }
      }),
    )
  })

  it('costs no more than its bytes, whatever counts it announces', () => {
    for (const hex of ['00007fffffff', '000000000001', '0000000000017fff']) {
      expect(decodeSubscription(Buffer.from(hex, 'hex'))).toBeNull()
    }
  })
})

describe('the plan of a group', () => {
  it('gives a stranger an empty assignment and its partitions to members', () => {
    const foreign = encodeSubscription({ topics: ['t'], userData: Buffer.alloc(0) })
    const raw = [
      ours('a'),
      { memberId: 'stranger', metadata: foreign },
      { memberId: 'vandal', metadata: Buffer.from('garbage') },
      ours('b'),
    ]
    const plan = planGroup(raw, readableMembers(raw), layout(4))
    const assigned = (memberId: string) => decodeAssignment(plan.get(memberId) ?? Buffer.alloc(0))?.get('t')
    expect([assigned('stranger'), assigned('vandal')]).toEqual([undefined, undefined])
    expect(plan.size).toBe(4)
    expect([...(assigned('a') ?? []), ...(assigned('b') ?? [])].toSorted()).toEqual([0, 1, 2, 3])
  })

  it('is made anew for what is more, and not for what is gone', () => {
    expect(hasMore(layout(3), layout(2))).toBe(true)
    expect(hasMore(layout(2, 'other id'), layout(2))).toBe(true)
    expect(hasMore(new Map([...layout(2), ...layout(1, 'id', 'u')]), layout(2))).toBe(true)
    expect(hasMore(layout(2), layout(2))).toBe(false)
    expect(hasMore(new Map(), layout(2))).toBe(false)
  })
})

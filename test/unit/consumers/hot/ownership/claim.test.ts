import { expect, it } from 'vitest'
import { HotClaim } from '../../../../../consumers/hot/ownership/claim.ts'

const partition = { topic: 't', topicId: '00000000-0000-4000-8000-000000000001', partition: 0 }

function claim(): HotClaim {
  const ask = async () => ({ last: null, lastRecord: null, acceptedLossThrough: null })
  return new HotClaim({ partition, epoch: 1n, owner: 'a', tip: 5n, ask })
}

it('an insert leaves a claim unsettled until it is answered', () => {
  const held = claim()
  expect(held.state).toBe('settled')
  held.beginInsert()
  expect(held.state).toBe('unsettled')
  held.settled('a')
  expect(held.state).toBe('settled')
})

it('no insert begins while another may still take effect, or after the claim is lost', () => {
  const held = claim()
  held.beginInsert()
  expect(() => held.beginInsert()).toThrow('unsettled')
  held.lost()
  expect(() => held.beginInsert()).toThrow('lost')
})

it('an answer to an insert of an earlier owner id settles nothing', () => {
  const held = claim()
  held.beginInsert()
  held.renewedAs({ epoch: 2n, owner: 'b' })
  held.settled('a')
  expect([held.owner, held.state]).toEqual(['b', 'unsettled'])
  held.settled('b')
  expect(held.state).toBe('settled')
})

it('a renewed claim is unsettled, whatever it was', () => {
  const held = claim()
  held.renewedAs({ epoch: 2n, owner: 'b' })
  expect(held.state).toBe('unsettled')
  expect(held.fenceRow(7n)).toEqual({ partition, epoch: 2n, owner: 'b', tip: 7n })
})

it('a lost claim stays lost', () => {
  const held = claim()
  held.beginInsert()
  held.lost()
  held.settled('a')
  expect(held.isLost).toBe(true)
  expect(() => held.renewedAs({ epoch: 2n, owner: 'b' })).toThrow('lost')
})

it('a tip is recorded once, by the greatest that is known', () => {
  const held = claim()
  expect(held.unrecordedTip).toBeNull()
  held.dealtWith(9n)
  held.dealtWith(8n)
  expect(held.unrecordedTip).toEqual({ partition, epoch: 1n, owner: 'a', tip: 9n })
  held.tipRecorded(9n)
  expect(held.unrecordedTip).toBeNull()
  expect(held.recordedTip).toBe(9n)
  held.tipRecorded(7n)
  expect(held.recordedTip).toBe(9n)
})

it('a lost claim records no tip', () => {
  const held = claim()
  held.dealtWith(9n)
  held.lost()
  expect(held.unrecordedTip).toBeNull()
})

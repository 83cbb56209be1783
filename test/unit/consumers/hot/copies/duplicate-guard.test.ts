import { describe, expect, it } from 'vitest'
import { DuplicateGuard } from '../../../../../consumers/hot/copies/duplicate-guard.ts'
import type { EventIds } from '../../../../../consumers/hot/copies/event-ids.ts'
import { eventIdsOf } from '../../../../support/hot/event-ids.ts'

function idsOf(...numbers: readonly number[]): EventIds {
  return eventIdsOf(numbers.map((number) => `019a4f00-0000-7000-8000-${String(number).padStart(12, '0')}`))
}

describe('ids of two deliveries', () => {
  it('share an id wherever it stands', () => {
    const many = idsOf(...Array.from({ length: 1_000 }, (_, i) => i))
    expect(many.sharesWith(idsOf(2_000, 999))).toBe(true)
    expect(idsOf(2_000, 999).sharesWith(many)).toBe(true)
  })

  it('do not share what only looks alike', () => {
    const many = idsOf(...Array.from({ length: 1_000 }, (_, i) => i))
    expect(many.sharesWith(idsOf(1_000, 1_001))).toBe(false)
    expect(many.sharesWith(idsOf())).toBe(false)
    expect(idsOf().sharesWith(many)).toBe(false)
  })
})

describe('deliveries', () => {
  it('run side by side when they hold different events', async () => {
    const apart = new DuplicateGuard()
    const first = Promise.withResolvers<string>()
    const running = apart.run(idsOf(1, 2), () => first.promise)
    await expect(apart.run(idsOf(3), async () => 'second')).resolves.toBe('second')
    first.resolve('first')
    await expect(running).resolves.toBe('first')
  })

  it('wait for every one that holds a copy of theirs, also when it fails', async () => {
    const apart = new DuplicateGuard()
    const order: string[] = []
    const gates = [Promise.withResolvers<void>(), Promise.withResolvers<void>()] as const
    const step = (name: string, gate: Promise<void>) => async () => {
      order.push(`${name} begins`)
      await gate.finally(() => order.push(`${name} ends`))
    }
    const first = apart.run(idsOf(1, 2), step('first', gates[0].promise))
    const other = apart.run(idsOf(3), step('other', gates[1].promise))
    const second = apart.run(idsOf(2, 3), step('second', Promise.resolve()))
    gates[0].reject(new Error('broken'))
    await expect(first).rejects.toThrow('broken')
    gates[1].resolve()
    await Promise.all([other, second])
    expect(order).toEqual([
      'first begins',
      'other begins',
      'first ends',
      'other ends',
      'second begins',
      'second ends',
    ])
  })
})

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  type OwnedPartitions,
  planAssignment,
  type StickyMember,
} from '../../../../../consumers/kafka/group/sticky-plan.ts'

const NONE: OwnedPartitions = new Map()
/** All want everything, but where a test says otherwise. */
const WANTED = new Set(['t', 't1', 't2', 'other'])
const newcomer = (memberId: string): StickyMember => ({
  memberId,
  topics: WANTED,
  owned: NONE,
  generation: -1,
})
const topics = (count: number, name = 't'): OwnedPartitions =>
  new Map([[name, Array.from({ length: count }, (_, i) => i)]])

type Plan = ReadonlyMap<string, OwnedPartitions>

function flat(owned: OwnedPartitions | undefined): string[] {
  return [...(owned ?? NONE)].flatMap(([topic, numbers]) => numbers.map((n) => `${topic}/${n}`)).toSorted()
}

const rejoin = (plan: Plan, generation: number, ...ids: string[]): StickyMember[] =>
  ids.map((memberId) => ({ memberId, topics: WANTED, owned: plan.get(memberId) ?? NONE, generation }))

function moved(before: Plan, after: Plan): number {
  const was = new Map([...before].flatMap(([id, owned]) => flat(owned).map((place) => [place, id] as const)))
  return [...after].flatMap(([id, owned]) => flat(owned).filter((place) => was.get(place) !== id)).length
}

describe('the sticky plan', () => {
  it('from one member to three and back moves only what balance demands', () => {
    const one = planAssignment([newcomer('a')], topics(6))
    expect(flat(one.get('a'))).toHaveLength(6)
    const two = planAssignment([...rejoin(one, 1, 'a'), newcomer('b')], topics(6))
    expect(moved(one, two)).toBe(3)
    const three = planAssignment([...rejoin(two, 2, 'a', 'b'), newcomer('c')], topics(6))
    expect(moved(two, three)).toBe(2)
    const again = planAssignment(rejoin(three, 3, 'b', 'c'), topics(6))
    expect(moved(three, again)).toBe(2)
    const last = planAssignment(rejoin(again, 4, 'c'), topics(6))
    expect(flat(last.get('c'))).toHaveLength(6)
  })

  it('moves nothing when the leader changes and the members are the same', () => {
    const before = planAssignment(['a', 'b', 'c'].map(newcomer), topics(7))
    const after = planAssignment(rejoin(before, 1, 'c', 'b', 'a'), topics(7))
    expect(moved(before, after)).toBe(0)
  })

  it('believes the later generation where two members claim a partition', () => {
    const members: StickyMember[] = [
      { memberId: 'zombie', topics: WANTED, owned: topics(2), generation: 3 },
      { memberId: 'owner', topics: WANTED, owned: topics(1), generation: 9 },
    ]
    expect(flat(planAssignment(members, topics(2)).get('owner'))).toEqual(['t/0'])
  })

  it('gives new partitions to those who have least, and forgets those that are gone', () => {
    const before = planAssignment(['a', 'b'].map(newcomer), topics(4))
    const grown = planAssignment(rejoin(before, 1, 'a', 'b'), topics(6))
    expect(moved(before, grown)).toBe(2)
    const shrunk = planAssignment(rejoin(grown, 2, 'a', 'b'), topics(2, 'other'))
    expect([...shrunk.values()].flatMap(flat).toSorted()).toEqual(['other/0', 'other/1'])
  })

  it('gives a topic only to members that want it, and no topic to nobody', () => {
    const old = { ...newcomer('old'), topics: new Set(['t']) }
    const grown = { ...newcomer('grown'), topics: new Set(['t', 'other']) }
    const partitions = new Map([...topics(4), ...topics(2, 'other'), ...topics(3, 'unwanted')])
    const plan = planAssignment([old, grown], partitions)
    expect(flat(plan.get('old'))).toHaveLength(2)
    expect(flat(plan.get('grown'))).toEqual(expect.arrayContaining(['other/0', 'other/1']))
    expect(flat(plan.get('grown'))).toHaveLength(4)
  })

  it('assigns every partition once, balanced, independent of order, and keeps all that balance allows', () => {
    const ids = fc.uniqueArray(fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f'), { minLength: 1 })
    fc.assert(
      fc.property(ids, ids, fc.nat(20), fc.nat(9), (first, second, n, m) => {
        const partitions = new Map([...topics(n, 't1'), ...topics(m, 't2')])
        const before = planAssignment(first.map(newcomer), partitions)
        const members = second.map((id) => ({
          memberId: id,
          topics: WANTED,
          owned: before.get(id) ?? NONE,
          generation: before.has(id) ? 1 : -1,
        }))
        const after = planAssignment(members, partitions)
        expect([...after.values()].flatMap(flat).toSorted()).toEqual(flat(partitions))
        const sizes = [...after.values()].map((owned) => flat(owned).length)
        expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1)
        expect(planAssignment(members.toReversed(), partitions)).toEqual(after)
        expect(moved(before, after)).toBe(fewestMoves(before, second, n + m))
      }),
    )
  })
})

/** Each member can keep at most its share; as many as the remainder allows keep one more. */
function fewestMoves(before: Plan, ids: readonly string[], total: number): number {
  const floor = Math.floor(total / ids.length)
  const held = ids.map((id) => flat(before.get(id)).length)
  const keptAtFloor = held.reduce((sum, count) => sum + Math.min(count, floor), 0)
  const extra = Math.min(total % ids.length, held.filter((count) => count > floor).length)
  return total - keptAtFloor - extra
}

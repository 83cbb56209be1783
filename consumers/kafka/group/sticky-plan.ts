/** Partitions by topic. */
export type OwnedPartitions = ReadonlyMap<string, readonly number[]>

export interface StickyMember {
  readonly memberId: string
  /** What it wants to read. */
  readonly topics: ReadonlySet<string>
  /** What the member held, and in which generation of the group (-1: nothing yet). */
  readonly owned: OwnedPartitions
  readonly generation: number
}

/**
 * Balances partitions over the members that want them so that as few as possible move: where all want the same, counts
 * differ by at most one, and a member keeps what it had as far as that allows. Where two members claim a partition, the
 * later generation counts. The answer depends on the input only, not on its order.
 */
export function planAssignment(
  members: readonly StickyMember[],
  partitions: OwnedPartitions,
): ReadonlyMap<string, OwnedPartitions> {
  // Members want different topics while a change of configuration is rolled out. Topics that the same members want
  // are balanced together.
  const shares = Map.groupBy(partitions, ([topic]) => {
    const wanting = members.filter(({ topics }) => topics.has(topic))
    return JSON.stringify(wanting.map(({ memberId }) => memberId).toSorted())
  })
  const plan = new Map<string, [string, readonly number[]][]>(members.map(({ memberId }) => [memberId, []]))
  for (const share of shares.values()) {
    const [first] = share
    const wanting = members.filter(({ topics }) => first !== undefined && topics.has(first[0]))
    if (wanting.length === 0) continue
    for (const [memberId, owned] of planShare(wanting, new Map(share))) plan.get(memberId)?.push(...owned)
  }
  return new Map([...plan].map(([memberId, owned]) => [memberId, new Map(owned)]))
}

function planShare(
  members: readonly StickyMember[],
  partitions: OwnedPartitions,
): ReadonlyMap<string, OwnedPartitions> {
  const sorted = members.toSorted((a, b) => (a.memberId < b.memberId ? -1 : 1))
  const all = [...partitions]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([topic, numbers]) =>
      numbers.toSorted((a, b) => a - b).map((partition) => ({ topic, partition })),
    )
  const holders = previousHolders(sorted)
  const kept = new Map<string, Place[]>(sorted.map(({ memberId }) => [memberId, []]))
  const free: Place[] = []
  for (const place of all) {
    const mine = kept.get(holders.get(key(place)) ?? '')
    if (mine === undefined) free.push(place)
    else mine.push(place)
  }
  shed(kept, all.length, free)
  for (const place of free) fewest(kept).push(place)
  return new Map([...kept].map(([memberId, places]) => [memberId, byTopic(places)]))
}

interface Place {
  readonly topic: string
  readonly partition: number
}

const key = ({ topic, partition }: Place): string => `${topic}/${partition}`

function previousHolders(members: readonly StickyMember[]): ReadonlyMap<string, string> {
  const holders = new Map<string, { readonly memberId: string; readonly generation: number }>()
  for (const { memberId, owned, generation } of members) {
    for (const [topic, numbers] of owned) {
      for (const partition of numbers) {
        const at = key({ topic, partition })
        const other = holders.get(at)
        if (other === undefined || other.generation < generation) holders.set(at, { memberId, generation })
      }
    }
  }
  return new Map([...holders].map(([at, { memberId }]) => [at, memberId]))
}

/** Takes from those who hold too much. As many members as the remainder allows keep one more than the floor. */
function shed(kept: ReadonlyMap<string, Place[]>, total: number, free: Place[]): void {
  const floor = Math.floor(total / Math.max(1, kept.size))
  let extra = total - floor * kept.size
  const fullestFirst = [...kept.values()].toSorted((a, b) => b.length - a.length)
  for (const places of fullestFirst) {
    const allowed = places.length > floor && extra > 0 ? floor + 1 : floor
    if (allowed > floor) extra -= 1
    free.push(...places.splice(Math.min(allowed, places.length)))
  }
}

function fewest(kept: ReadonlyMap<string, Place[]>): Place[] {
  let least: Place[] = []
  let size = Number.POSITIVE_INFINITY
  for (const places of kept.values()) {
    if (places.length >= size) continue
    least = places
    size = places.length
  }
  return least
}

function byTopic(places: readonly Place[]): OwnedPartitions {
  const topics = Map.groupBy(places, ({ topic }) => topic)
  return new Map([...topics].map(([topic, own]) => [topic, own.map(({ partition }) => partition)]))
}

import type { OwnedPartitions } from './sticky-plan.ts'

/** What a member holds; it tells the leader with every join (user data of the consumer protocol). */
export interface Holding {
  readonly current: OwnedPartitions
  /** The generation of the group in which it got that; -1: nothing yet. */
  readonly generation: number
}

export function encodeHolding({ current, generation }: Holding): Buffer {
  return Buffer.from(JSON.stringify({ generation, owned: Object.fromEntries(current) }))
}

/** Null for anything that is not ours: another client, garbage. */
export function decodeHolding(userData: Buffer): Holding | null {
  let parsed: unknown
  try {
    parsed = JSON.parse(userData.toString('utf8'))
  } catch {
    return null
  }
  if (typeof parsed !== 'object' || parsed === null || !('generation' in parsed) || !('owned' in parsed))
    return null
  const { generation, owned } = parsed
  if (typeof generation !== 'number' || typeof owned !== 'object' || owned === null) return null
  const current = new Map<string, number[]>()
  for (const [topic, numbers] of Object.entries(owned)) {
    if (!Array.isArray(numbers)) continue
    current.set(
      topic,
      numbers.filter((n): n is number => Number.isInteger(n)),
    )
  }
  return { current, generation }
}

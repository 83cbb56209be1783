import type { OwnedPartitions } from './sticky-plan.ts'

/**
 * What members tell each other through the coordinator ("consumer" embedded protocol, version 0). Brokers pass it on
 * unread, so anyone who may join the group can send anything: what is not well formed reads as null.
 */
export interface Subscription {
  readonly topics: readonly string[]
  readonly userData: Buffer
}

export function encodeSubscription({ topics, userData }: Subscription): Buffer {
  return Buffer.concat([
    int16(0),
    int32(topics.length),
    ...topics.map(string),
    int32(userData.length),
    userData,
  ])
}

export function decodeSubscription(bytes: Buffer): Subscription | null {
  return attempt(bytes, (reader) => {
    reader.int16()
    return { topics: reader.array(() => reader.string()), userData: reader.bytes() }
  })
}

export function encodeAssignment(owned: OwnedPartitions): Buffer {
  const topics = [...owned].map(([topic, numbers]) =>
    Buffer.concat([string(topic), int32(numbers.length), ...numbers.map(int32)]),
  )
  return Buffer.concat([int16(0), int32(topics.length), ...topics, int32(0)])
}

/** No bytes at all are an empty assignment: so it is sent by a leader that leaves a member out. */
export function decodeAssignment(bytes: Buffer): OwnedPartitions | null {
  if (bytes.length === 0) return new Map()
  return attempt(bytes, (reader) => {
    reader.int16()
    return new Map(reader.array(() => [reader.string(), reader.array(() => reader.int32())] as const))
  })
}

function attempt<T>(bytes: Buffer, read: (reader: Reader) => T): T | null {
  try {
    return read(new Reader(bytes))
  } catch (error) {
    if (error instanceof RangeError) return null
    throw error
  }
}

/** Throws RangeError where the bytes end early. */
class Reader {
  readonly #bytes: Buffer
  #at = 0

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  int16(): number {
    return this.#bytes.readInt16BE(this.#advance(2))
  }

  int32(): number {
    return this.#bytes.readInt32BE(this.#advance(4))
  }

  string(): string {
    const size = Math.max(0, this.int16())
    const at = this.#advance(size)
    return this.#bytes.toString('utf8', at, at + size)
  }

  bytes(): Buffer {
    const size = Math.max(0, this.int32())
    const at = this.#advance(size)
    return this.#bytes.subarray(at, at + size)
  }

  /** Every item takes bytes, so a count that they cannot hold ends where they end. */
  array<T>(read: () => T): T[] {
    const count = this.int32()
    const items: T[] = []
    for (let i = 0; i < count; i++) items.push(read())
    return items
  }

  #advance(size: number): number {
    const at = this.#at
    this.#at += size
    if (this.#at > this.#bytes.length) throw new RangeError('bytes end early')
    return at
  }
}

function int16(value: number): Buffer {
  const bytes = Buffer.alloc(2)
  bytes.writeInt16BE(value)
  return bytes
}

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeInt32BE(value)
  return bytes
}

function string(value: string): Buffer {
  const bytes = Buffer.from(value, 'utf8')
  return Buffer.concat([int16(bytes.length), bytes])
}

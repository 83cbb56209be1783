/**
 * Primitives of Kafka's flexible protocol encoding (KIP-482): compact strings and arrays carry length + 1 as an
 * unsigned varint, and every structure ends with tagged fields, which this reader skips and this writer leaves empty.
 */
export class WireWriter {
  #buffer: Buffer
  #length = 0

  constructor(initialBytes = 512) {
    this.#buffer = Buffer.allocUnsafe(initialBytes)
  }

  #reserve(bytes: number): number {
    const start = this.#length
    this.#length += bytes
    if (this.#length > this.#buffer.length) {
      const grown = Buffer.allocUnsafe(Math.max(this.#length, this.#buffer.length * 2))
      this.#buffer.copy(grown, 0, 0, start)
      this.#buffer = grown
    }
    return start
  }

  int8(value: number): this {
    const at = this.#reserve(1)
    this.#buffer.writeInt8(value, at)
    return this
  }

  int32(value: number): this {
    const at = this.#reserve(4)
    this.#buffer.writeInt32BE(value, at)
    return this
  }

  int64(value: bigint): this {
    const at = this.#reserve(8)
    this.#buffer.writeBigInt64BE(value, at)
    return this
  }

  uvarint(value: number): this {
    let rest = value
    while (rest >= 0x80) {
      this.int8((((rest & 0x7f) | 0x80) << 24) >> 24)
      rest >>>= 7
    }
    return this.int8(rest)
  }

  uuid(canonical: string): this {
    const bytes = Buffer.from(canonical.replaceAll('-', ''), 'hex')
    const at = this.#reserve(16)
    bytes.copy(this.#buffer, at)
    return this
  }

  compactString(value: string): this {
    const bytes = Buffer.from(value, 'utf8')
    this.uvarint(bytes.length + 1)
    const at = this.#reserve(bytes.length)
    bytes.copy(this.#buffer, at)
    return this
  }

  compactNullableString(value: string | null): this {
    return value === null ? this.uvarint(0) : this.compactString(value)
  }

  compactBytes(value: Buffer): this {
    this.uvarint(value.length + 1)
    const at = this.#reserve(value.length)
    value.copy(this.#buffer, at)
    return this
  }

  compactArray<T>(items: readonly T[], write: (item: T) => void): this {
    this.uvarint(items.length + 1)
    for (const item of items) write(item)
    return this
  }

  noTags(): this {
    return this.uvarint(0)
  }

  take(): Buffer {
    return this.#buffer.subarray(0, this.#length)
  }
}

export class WireReader {
  readonly #buffer: Buffer
  #at = 0

  constructor(buffer: Buffer) {
    this.#buffer = buffer
  }

  bool(): boolean {
    return this.#buffer.readInt8(this.#advance(1)) !== 0
  }

  int8(): number {
    return this.#buffer.readInt8(this.#advance(1))
  }

  int16(): number {
    return this.#buffer.readInt16BE(this.#advance(2))
  }

  int32(): number {
    return this.#buffer.readInt32BE(this.#advance(4))
  }

  int64(): bigint {
    return this.#buffer.readBigInt64BE(this.#advance(8))
  }

  uvarint(): number {
    let value = 0
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.#buffer.readUInt8(this.#advance(1))
      value += (byte & 0x7f) * 2 ** shift
      if (byte < 0x80) return value
    }
    throw new RangeError('unsigned varint of more than five bytes')
  }

  uuid(): string {
    const at = this.#advance(16)
    const hex = this.#buffer.toString('hex', at, at + 16)
    return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`
  }

  /** A view, not a copy; null where the broker sent null. */
  compactBytes(): Buffer | null {
    const size = this.uvarint()
    if (size === 0) return null
    const at = this.#advance(size - 1)
    return this.#buffer.subarray(at, at + size - 1)
  }

  compactString(): string | null {
    return this.compactBytes()?.toString('utf8') ?? null
  }

  /** A null array reads as an empty one. */
  compactArray<T>(read: () => T): T[] {
    const count = this.uvarint() - 1
    const items: T[] = []
    for (let i = 0; i < count; i++) items.push(read())
    return items
  }

  skipTags(): void {
    this.tags()
  }

  /** Tagged fields (KIP-482) by number. */
  tags(): ReadonlyMap<number, Buffer> {
    const tags = new Map<number, Buffer>()
    for (let left = this.uvarint(); left > 0; left--) {
      const tag = this.uvarint()
      const at = this.#advance(this.uvarint())
      tags.set(tag, this.#buffer.subarray(at, this.#at))
    }
    return tags
  }

  #advance(bytes: number): number {
    const at = this.#at
    this.#at += bytes
    if (this.#at > this.#buffer.length) throw new RangeError('response ends early')
    return at
  }
}

import { DaybookError } from './errors.ts'

const INITIAL_CAPACITY = 4096
/** Strings up to this length are copied by a loop: cheaper than a call into C++ when they are ASCII. */
const LOOP_LENGTH = 40
/** Beyond ±2^52 the zig-zag value of a number no longer fits 53 bits. */
const EXACT_ZIGZAG = 2 ** 52
const TWO_28 = 2 ** 28
/** The longest varint of a 64-bit integer. */
const MAX_VARINT_BYTES = 10

/** Appends Avro's binary primitives to one growing buffer. */
export class ByteWriter {
  /** Bytes written since the last `reset`. */
  length = 0
  #buffer: Buffer

  constructor(initialCapacity: number = INITIAL_CAPACITY) {
    this.#buffer = Buffer.allocUnsafeSlow(Math.max(initialCapacity, 16))
  }

  /** Makes room for `n` more bytes. */
  ensure(n: number): void {
    const needed = this.length + n
    if (needed <= this.#buffer.length) return
    const grown = Buffer.allocUnsafeSlow(Math.max(needed, this.#buffer.length * 2))
    this.#buffer.copy(grown, 0, 0, this.length)
    this.#buffer = grown
  }

  /** Avro int and long: zig-zag varint. @throws RangeError for what is no 64-bit integer, or no safe integer as a number. */
  writeLong(n: number | bigint): void {
    if (typeof n === 'bigint') this.#writeBigLong(n)
    else if (n >= -0x40000000 && n < 0x40000000 && (n | 0) === n) this.#writeVarint31((n << 1) ^ (n >> 31))
    else if (!Number.isSafeInteger(n)) throw new RangeError(`${n} is not a safe integer`)
    else if (n >= EXACT_ZIGZAG || n < -EXACT_ZIGZAG) this.#writeBigLong(BigInt(n))
    else this.#writeVarint53(n >= 0 ? n * 2 : -n * 2 - 1)
  }

  /** UTF-8 with its length in front. A lone surrogate becomes U+FFFD. */
  writeString(s: string): void {
    const chars = s.length
    this.ensure(chars * 3 + MAX_VARINT_BYTES)
    if (chars > LOOP_LENGTH || !this.#writeShortAscii(s)) this.#writeUtf8(s)
  }

  /** Avro bytes: with the length in front. */
  writeBytes(b: Uint8Array): void {
    this.ensure(b.length + MAX_VARINT_BYTES)
    this.writeLong(b.length)
    this.#buffer.set(b, this.length)
    this.length += b.length
  }

  /** Copies bytes as they are. */
  writeRaw(src: Uint8Array, start = 0, end: number = src.length): void {
    const n = end - start
    this.ensure(n)
    this.#buffer.set(start === 0 && end === src.length ? src : src.subarray(start, end), this.length)
    this.length += n
  }

  /** Avro fixed: bytes without a length. */
  writeFixed(b: Uint8Array): void {
    this.writeRaw(b)
  }

  /** A byte for each character, which must be below U+0100. */
  writeLatin1(s: string): void {
    this.ensure(s.length)
    this.length += this.#buffer.write(s, this.length, 'latin1')
  }

  writeByte(byte: number): void {
    this.ensure(1)
    this.#buffer[this.length++] = byte
  }

  /** What was written. A view: the next `reset` and write overwrite it, so copy what must last. */
  take(): Buffer {
    return this.#buffer.subarray(0, this.length)
  }

  /** A copy of what was written, in memory of its own. */
  copy(): Buffer {
    return Buffer.from(this.take())
  }

  reset(): void {
    this.length = 0
  }

  #writeVarint31(zigzag: number): void {
    this.ensure(5)
    const buffer = this.#buffer
    let z = zigzag
    let pos = this.length
    while (z > 0x7f) {
      buffer[pos++] = (z & 0x7f) | 0x80
      z >>>= 7
    }
    buffer[pos++] = z
    this.length = pos
  }

  #writeVarint53(zigzag: number): void {
    this.ensure(MAX_VARINT_BYTES)
    const buffer = this.#buffer
    let pos = this.length
    let high = Math.floor(zigzag / TWO_28)
    let low = zigzag - high * TWO_28
    for (let i = 0; i < 4; i++) {
      buffer[pos++] = (low & 0x7f) | 0x80
      low >>>= 7
    }
    while (high > 0x7f) {
      buffer[pos++] = (high & 0x7f) | 0x80
      high >>>= 7
    }
    buffer[pos++] = high
    this.length = pos
  }

  #writeBigLong(n: bigint): void {
    if (BigInt.asIntN(64, n) !== n) throw new RangeError(`${n} does not fit 64 bits`)
    this.ensure(MAX_VARINT_BYTES)
    let z = BigInt.asUintN(64, (n << 1n) ^ (n >> 63n))
    while (z > 0x7fn) {
      this.#buffer[this.length++] = Number(z & 0x7fn) | 0x80
      z >>= 7n
    }
    this.#buffer[this.length++] = Number(z)
  }

  /** False, with nothing written, when a character is not ASCII. Room must be there. */
  #writeShortAscii(s: string): boolean {
    const buffer = this.#buffer
    const chars = s.length
    const start = this.length + 1
    for (let i = 0; i < chars; i++) {
      const code = s.charCodeAt(i)
      if (code > 0x7f) return false
      buffer[start + i] = code
    }
    buffer[start - 1] = chars << 1
    this.length = start + chars
    return true
  }

  /** Writes the text behind a length of the size that ASCII would need, and moves it when it turns out longer. */
  #writeUtf8(s: string): void {
    const header = varintBytes(s.length)
    const bytes = this.#buffer.write(s, this.length + header, 'utf8')
    const needed = varintBytes(bytes)
    const start = this.length
    if (needed !== header) this.#buffer.copyWithin(start + needed, start + header, start + header + bytes)
    this.writeLong(bytes)
    this.length = start + needed + bytes
  }
}

/** Bytes of the zig-zag varint of a length. */
function varintBytes(n: number): number {
  if (n < 0x40) return 1
  if (n < 0x2000) return 2
  if (n < 0x100000) return 3
  return n < 0x8000000 ? 4 : 5
}

/** Reads Avro's binary primitives from `start` to `end`. Every read is bounded by `end`. */
export class ByteReader {
  pos: number
  readonly #buffer: Buffer
  readonly #end: number

  constructor(buffer: Buffer, start = 0, end: number = buffer.length) {
    this.#buffer = buffer
    this.pos = start
    this.#end = end
  }

  get remaining(): number {
    return this.#end - this.pos
  }

  /** @throws DaybookError DAYBOOK_AVRO_MALFORMED at the end of the bytes, or when the value is no safe integer. */
  readLong(): number {
    const value = this.skimLong()
    if (!Number.isSafeInteger(value)) throw malformed('a number is too large', this.pos)
    return value
  }

  /** Like `readLong`, but a value beyond the safe integers comes back roughly, and is no safe integer either. */
  skimLong(): number {
    const first = this.#next()
    if (first < 0x80) return (first >>> 1) ^ -(first & 1)
    // The sign bit stays out, so that the sum is even and exact up to 2^54.
    let value = first & 0x7e
    let scale = 128
    for (let i = 1; i < MAX_VARINT_BYTES; i++) {
      const byte = this.#next()
      value += (byte & 0x7f) * scale
      if (byte < 0x80) return (first & 1) === 0 ? value / 2 : -(value / 2) - 1
      scale *= 128
    }
    throw malformed('a varint is longer than ten bytes', this.pos)
  }

  /** Any value, as the nearest double: what was written as a double comes back as it was. */
  readRoundedLong(): number {
    const start = this.pos
    const rough = this.skimLong()
    if (Number.isSafeInteger(rough)) return rough
    this.pos = start
    return Number(this.readBigLong())
  }

  /** All 64 bits. */
  readBigLong(): bigint {
    let value = 0n
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = this.#next()
      value |= BigInt(byte & 0x7f) << shift
      if (byte < 0x80) {
        if (value > 0xffffffffffffffffn) throw malformed('a varint does not fit 64 bits', this.pos)
        return (value >> 1n) ^ -(value & 1n)
      }
    }
    throw malformed('a varint is longer than ten bytes', this.pos)
  }

  /** A view of `n` bytes. */
  readFixed(n: number): Buffer {
    if (n < 0 || n > this.remaining)
      throw malformed(`${n} bytes are announced, ${this.remaining} are left`, this.pos)
    const start = this.pos
    this.pos = start + n
    return this.#buffer.subarray(start, this.pos)
  }

  /** Length-prefixed bytes, as a view. */
  readBytes(): Buffer {
    return this.readFixed(this.readLong())
  }

  readString(): string {
    return this.readBytes().toString('utf8')
  }

  #next(): number {
    const byte = this.pos < this.#end ? this.#buffer[this.pos] : undefined
    if (byte === undefined) throw malformed('the bytes end in the middle of a value', this.pos)
    this.pos++
    return byte
  }
}

function malformed(what: string, position: number): DaybookError {
  return new DaybookError('DAYBOOK_AVRO_MALFORMED', `Not valid Avro: ${what} (byte ${position}).`, {
    details: { position },
  })
}

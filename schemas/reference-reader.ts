import { parseRecordSchema } from './avro-node.ts'
import type { AvroRecordSchema } from './avro-schema.ts'
import { Kind, type Part, planOf } from './reference-plan.ts'

/** Deeper records are no event. Fields of the event's own records do not count. */
const MAX_RECORD_DEPTH = 64
const MAX_VARINT_BYTES = 10
const UUID_PATTERN = Buffer.from('hhhhhhhh-hhhh-hhhh-hhhh-hhhhhhhhhhhh', 'latin1')
const HYPHEN = 0x2d
/** Instead of a position. */
const REFUSED = -1
const IS_HEX = Uint8Array.from({ length: 256 }, (_, byte) =>
  /[0-9a-fA-F]/.test(String.fromCharCode(byte)) ? 1 : 0,
)

/**
 * Reads records a second time, where the generated checker (`Skipper`) refused one: if this reader takes it, the
 * fault is the checker's and not the producer's. So it shares nothing with the checker but the parsed schema, and is
 * written to be looked through rather than to be fast: it goes over the bytes as the schema says, value by value.
 *
 * The rules are the same, and tests hold the two to each other: Avro's structure to the last byte; UTF-8 by RFC 3629;
 * UUIDs and times that stores hold; records nested no deeper than 64; no more items without bytes than the record
 * has bytes. It costs O(bytes) whatever they say, and takes no memory that they ask for.
 */
export class ReferenceReader {
  readonly #fields: readonly Part[]
  readonly #id: Part | undefined
  readonly #tenant: Part | undefined
  #bytes: Buffer = Buffer.alloc(0)
  /** Over all of the memory that `#bytes` is a part of. */
  #view = new DataView(this.#bytes.buffer)
  #end = 0
  /** Of the last varint; rounded beyond 2^53. */
  #number = 0
  /** Where the last text began. */
  #textStart = 0
  #emptyItemsLeft = 0

  /** @throws DaybookError DAYBOOK_SCHEMA_INVALID */
  constructor(schema: AvroRecordSchema) {
    this.#fields = planOf(parseRecordSchema(schema))
    this.#id = this.#fields.find(({ name }) => name === 'event_id')
    this.#tenant = this.#fields.find(({ name }) => name === 'tenant_id')
  }

  /** Whether `bytes[start..end)` is one record of the schema, which every store can hold. */
  isRecord(bytes: Buffer, start: number, end: number): boolean {
    return this.#read(bytes, start, end) !== null
  }

  /** The same, and it has a tenant and an id that is not nil. */
  isEvent(bytes: Buffer, start: number, end: number): boolean {
    const found = this.#read(bytes, start, end)
    return found?.hasId === true && found.hasTenant
  }

  #read(bytes: Buffer, start: number, end: number): { hasId: boolean; hasTenant: boolean } | null {
    this.#bytes = bytes
    if (this.#view.buffer !== bytes.buffer) this.#view = new DataView(bytes.buffer)
    this.#end = end
    this.#emptyItemsLeft = end - start
    const found = { hasId: false, hasTenant: false }
    let pos = start
    for (const field of this.#fields) {
      pos = field.kind === Kind.RECORD ? this.#all(field.parts, pos, 0) : this.#value(field, pos, 0)
      if (pos < 0) return null
      if (field === this.#id) found.hasId = this.#hasDigit(pos)
      else if (field === this.#tenant) found.hasTenant = pos > this.#textStart
    }
    return pos === end ? found : null
  }

  /** Whether the last text, which ended at `end`, holds another character than `0` and `-`. */
  #hasDigit(end: number): boolean {
    for (let at = this.#textStart; at < end; at++) {
      const byte = this.#bytes[at]
      if (byte !== 0x30 && byte !== HYPHEN) return true
    }
    return false
  }

  /** Where the value that begins at `pos` ends, or `REFUSED`. */
  #value(part: Part, pos: number, depth: number): number {
    switch (part.kind) {
      case Kind.NOTHING:
        return pos
      case Kind.BOOLEAN:
        return pos < this.#end && (this.#bytes[pos] ?? 2) <= 1 ? pos + 1 : REFUSED
      case Kind.BYTES:
        return part.size <= this.#end - pos ? pos + part.size : REFUSED
      case Kind.INTEGER: {
        const next = this.#varint(pos)
        return this.#number >= part.least && this.#number <= part.most ? next : REFUSED
      }
      case Kind.TEXT:
        return this.#text(part, pos)
      case Kind.ENUM: {
        const next = this.#varint(pos)
        return this.#number >= 0 && this.#number < part.size ? next : REFUSED
      }
      case Kind.UNION: {
        const next = this.#varint(pos)
        const branch = part.parts[this.#number]
        return next < 0 || branch === undefined ? REFUSED : this.#value(branch, next, depth)
      }
      case Kind.RECORD:
        return depth < MAX_RECORD_DEPTH ? this.#all(part.parts, pos, depth + 1) : REFUSED
      default:
        return this.#items(part, pos, depth)
    }
  }

  #all(parts: readonly Part[], start: number, depth: number): number {
    let pos = start
    for (const part of parts) {
      pos = this.#value(part, pos, depth)
      if (pos < 0) return REFUSED
    }
    return pos
  }

  #items(part: Part, start: number, depth: number): number {
    let pos = start
    for (;;) {
      pos = this.#varint(pos)
      let count = this.#number
      if (pos < 0 || count === 0) return pos
      let blockEnd = -1
      if (count < 0) {
        count = -count
        pos = this.#varint(pos)
        if (pos < 0 || this.#number < 0) return REFUSED
        blockEnd = pos + this.#number
      }
      if (part.size === 0) {
        this.#emptyItemsLeft -= count
        if (this.#emptyItemsLeft < 0) return REFUSED
      }
      // Each item takes bytes, so a count that lies ends with them.
      for (; part.size > 0 && count > 0; count--) {
        pos = this.#all(part.parts, pos, depth)
        if (pos < 0) return REFUSED
      }
      if (blockEnd >= 0 && blockEnd !== pos) return REFUSED
    }
  }

  #text(part: Part, pos: number): number {
    const start = this.#varint(pos)
    const size = this.#number
    if (start < 0 || size < 0 || size > this.#end - start) return REFUSED
    const end = start + size
    this.#textStart = start
    if (part.rule === 'bytes') return end
    const isGood =
      part.rule === 'uuid' ? this.#isUuid(start, end) : this.#isAscii(start, end) || this.#isUtf8(start, end)
    return isGood ? end : REFUSED
  }

  #isUuid(start: number, end: number): boolean {
    if (end - start !== UUID_PATTERN.length) return false
    const bytes = this.#bytes
    for (let at = 0; at < UUID_PATTERN.length; at++) {
      const byte = bytes[start + at] ?? 0
      if (UUID_PATTERN[at] === HYPHEN ? byte !== HYPHEN : IS_HEX[byte] !== 1) return false
    }
    return true
  }

  /** Most texts are, and this is soon told: four bytes at a time. */
  #isAscii(start: number, end: number): boolean {
    const view = this.#view
    const offset = this.#bytes.byteOffset
    let at = start + offset
    const last = end + offset
    for (; at + 4 <= last; at += 4) if ((view.getUint32(at) & 0x80808080) !== 0) return false
    for (; at < last; at++) if (view.getUint8(at) >= 0x80) return false
    return true
  }

  /** Whether bytes are UTF-8: by the code points that they make, not by a table of bytes. */
  #isUtf8(start: number, end: number): boolean {
    const bytes = this.#bytes
    for (let at = start; at < end; ) {
      const lead = bytes[at++] ?? 0
      if (lead < 0x80) continue
      const more = lead >= 0xf0 ? 3 : lead >= 0xe0 ? 2 : 1
      if (lead < 0xc0 || lead >= 0xf8 || at + more > end) return false
      let point = lead & (0x3f >> more)
      for (const last = at + more; at < last; at++) {
        const byte = bytes[at] ?? 0
        if (byte >> 6 !== 2) return false
        point = (point << 6) | (byte & 0x3f)
      }
      const least = more === 1 ? 0x80 : more === 2 ? 0x800 : 0x10000
      if (point < least || point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff)) return false
    }
    return true
  }

  /** A zig-zag integer of at most 64 bits into `#number`; where it ends, or `REFUSED`. */
  #varint(pos: number): number {
    const only = this.#bytes[pos] ?? 0
    if (only < 0x80 && pos < this.#end) {
      this.#number = (only & 1) === 0 ? only >> 1 : -(only >> 1) - 1
      return pos + 1
    }
    return this.#longVarint(pos)
  }

  #longVarint(first: number): number {
    const bytes = this.#bytes
    let last = first
    while (last < this.#end && (bytes[last] ?? 0) >= 0x80) last++
    const isTooLong =
      last - first >= MAX_VARINT_BYTES || (last - first === MAX_VARINT_BYTES - 1 && (bytes[last] ?? 0) > 1)
    if (last >= this.#end || isTooLong) {
      this.#number = Number.NaN
      return REFUSED
    }
    let high = 0
    for (let at = last; at > first; at--) high = high * 128 + ((bytes[at] ?? 0) & 0x7f)
    const low = bytes[first] ?? 0
    const half = high * 64 + ((low & 0x7f) >> 1)
    this.#number = (low & 1) === 0 ? half : -half - 1
    return last + 1
  }
}

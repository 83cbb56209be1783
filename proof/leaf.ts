/**
 * Leaves of a partition's tree (docs/formats/tree.md). A leaf depends on what Kafka holds and on nothing else: not
 * on the registry, the worker's version, or whether the record could be decoded.
 *
 *   entry = blob("daybook-record/v1") blob(log id) u32(8) u64(offset) u32(8) i64(append time) blob(key) blob(value)
 *   blob(b) = u32(length of b) b;   blob(null) = u32(0xffffffff)          all integers big-endian
 *   leaf hash = SHA-256(0x00 entry)                                       RFC 6962 §2.1
 */
import type { Sha256Into, Sha256PartsInto } from './crypto.ts'

/** A Kafka record; `null` and empty are different things. `appendTime` is in milliseconds since the Unix epoch, any 64-bit integer. */
export interface LeafRecord {
  readonly offset: bigint
  readonly appendTime: number
  readonly key: Uint8Array | null
  readonly value: Uint8Array | null
}

const LEAF_TAG = 'daybook-record/v1'
const NULL_LENGTH = 0xffffffff
const TWO_63 = 2 ** 63
/** Larger scratch is not kept, nor used where parts can be hashed: a worker has a hasher for each partition. */
const KEPT_SCRATCH_BYTES = 64 * 1024
/** Offset and append time with their lengths, and the lengths of key and value. */
const FIXED_BYTES = 4 + 8 + 4 + 8 + 4 + 4

/** Hashes the leaves of one log. Keeps a scratch buffer: not to be shared between interleaved callers. */
export class LeafHasher {
  readonly #hash: Sha256Into
  readonly #hashParts: Sha256PartsInto | null
  /** 0x00, tag and log id: the same for every leaf of the log. */
  readonly #prefixLength: number
  #scratch: Uint8Array
  #view: DataView

  constructor(options: {
    readonly logId: string
    readonly sha256: Sha256Into
    readonly sha256Parts?: Sha256PartsInto | undefined
  }) {
    this.#hash = options.sha256
    this.#hashParts = options.sha256Parts ?? null
    const encoder = new TextEncoder()
    const parts = [encoder.encode(LEAF_TAG), encoder.encode(options.logId)]
    this.#prefixLength = 1 + parts.reduce((sum, part) => sum + 4 + part.length, 0)
    this.#scratch = new Uint8Array(this.#prefixLength + FIXED_BYTES + 4096)
    this.#view = new DataView(this.#scratch.buffer)
    let at = 1
    for (const part of parts) at = this.#blob(at, part)
  }

  /** Writes the leaf hash of `record` into `out` at `at`. */
  hashInto(record: LeafRecord, out: Uint8Array, at: number): void {
    // Taken once: a record may make them anew at each call.
    const { key, value } = record
    const length = this.#lengthOf(key, value)
    if (length > KEPT_SCRATCH_BYTES && this.#hashParts !== null) {
      this.#hashParts(this.#partsOf(record, key, value), out, at)
      return
    }
    this.#ensure(length)
    this.#blob(this.#blob(this.#position(record), key), value)
    this.#hash(this.#scratch.subarray(0, length), out, at)
    this.#release()
  }

  /** The entry without the 0x00 of its hash, as a copy. */
  entry(record: LeafRecord): Uint8Array {
    const { key, value } = record
    const length = this.#lengthOf(key, value)
    this.#ensure(length)
    this.#blob(this.#blob(this.#position(record), key), value)
    const entry = this.#scratch.slice(1, length)
    this.#release()
    return entry
  }

  #lengthOf(key: Uint8Array | null, value: Uint8Array | null): number {
    return (
      this.#prefixLength + FIXED_BYTES + (key === null ? 0 : key.length) + (value === null ? 0 : value.length)
    )
  }

  /** The entry with the 0x00 of its hash, without a copy of key and value. */
  #partsOf(record: LeafRecord, key: Uint8Array | null, value: Uint8Array | null): readonly Uint8Array[] {
    const end = this.#position(record)
    const lengths = this.#scratch.subarray(end, end + 8)
    this.#view.setUint32(end, key === null ? NULL_LENGTH : key.length)
    this.#view.setUint32(end + 4, value === null ? NULL_LENGTH : value.length)
    const parts = [this.#scratch.subarray(0, end), lengths.subarray(0, 4), key, lengths.subarray(4), value]
    return parts.filter((part) => part !== null)
  }

  /** Writes offset and time behind the prefix; gives where they end. */
  #position({ offset, appendTime: time }: LeafRecord): number {
    const at = this.#prefixLength
    const view = this.#view
    view.setUint32(at, 8)
    view.setBigUint64(at + 4, offset)
    view.setUint32(at + 12, 8)
    // Two halves cost less than a bigint. A number from 2^63 on is what 2^63 - 1 becomes as a double.
    view.setInt32(at + 16, time < TWO_63 ? Math.floor(time / 2 ** 32) : 0x7fffffff)
    view.setUint32(at + 20, time < TWO_63 ? time >>> 0 : 0xffffffff)
    return at + 24
  }

  #blob(at: number, bytes: Uint8Array | null): number {
    if (bytes === null) {
      this.#view.setUint32(at, NULL_LENGTH)
      return at + 4
    }
    this.#view.setUint32(at, bytes.length)
    this.#scratch.set(bytes, at + 4)
    return at + 4 + bytes.length
  }

  #ensure(length: number): void {
    if (this.#scratch.length >= length) return
    this.#resize(length * 2 <= KEPT_SCRATCH_BYTES ? length * 2 : length)
  }

  #release(): void {
    if (this.#scratch.length > KEPT_SCRATCH_BYTES) this.#resize(KEPT_SCRATCH_BYTES)
  }

  #resize(length: number): void {
    const scratch = new Uint8Array(length)
    scratch.set(this.#scratch.subarray(0, this.#prefixLength))
    this.#scratch = scratch
    this.#view = new DataView(scratch.buffer)
  }
}

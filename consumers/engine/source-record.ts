/** Why a record is quarantined. Each has a page in docs/errors (DAYBOOK_RECORD_<code>). */
export type BadRecordCode =
  | 'NOT_WIRE_FORMAT' // no 0x00 magic byte, or shorter than five bytes
  | 'UNKNOWN_SCHEMA' // the registry says, twice, that it does not know the id
  | 'WRONG_SCHEMA' // the id names a schema that is not a version of AuditEvent
  | 'MALFORMED' // the bytes are not that schema's encoding
  | 'INVALID_FIELD' // well-formed Avro that the stores cannot hold (uuid, absurd date)
  | 'OVERSIZED' // larger than the pipeline's record limit
  | 'CORRUPT_BATCH' // a record batch that Kafka's own client cannot read

/** Why a record stands for a batch that could not be taken apart. */
export interface RecordFault {
  readonly code: BadRecordCode
  readonly reason: string
}

interface RecordContent {
  readonly offset: bigint
  readonly appendTime: number
  readonly key: Buffer | null
  readonly value: Buffer | null
  readonly fault?: RecordFault | null
  readonly hasProducerTime?: boolean
}

/**
 * A record as Kafka holds it. `null` and empty are different things, in key and value.
 *
 * Key and value are positions in what the broker sent: a worker holds hundreds of thousands of records, and two
 * buffers for each were most of what its garbage collector had to walk.
 */
export class SourceRecord {
  readonly offset: bigint
  /** LogAppendTime in milliseconds since the Unix epoch. */
  readonly appendTime: number
  /** Holds key and value, and what else came with them. */
  readonly bytes: Buffer
  /** -1 where the key is null. */
  readonly keyStart: number
  readonly keyEnd: number
  /** -1 where the value is null. */
  readonly valueStart: number
  readonly valueEnd: number
  /**
   * Set by a source that could not take a record batch apart: this stands for the whole batch, `value` is the batch
   * as Kafka holds it, and its other offsets are a gap `quarantined`. The checker finds it bad for this reason.
   */
  readonly fault: RecordFault | null
  /** `appendTime` is what the producer says, not the broker: no store may rely on it. */
  readonly hasProducerTime: boolean

  constructor(
    offset: bigint,
    appendTime: number,
    bytes: Buffer,
    keyStart: number,
    keyEnd: number,
    valueStart: number,
    valueEnd: number,
    fault: RecordFault | null = null,
    hasProducerTime = false,
  ) {
    this.offset = offset
    this.appendTime = appendTime
    this.bytes = bytes
    this.keyStart = keyStart
    this.keyEnd = keyEnd
    this.valueStart = valueStart
    this.valueEnd = valueEnd
    this.fault = fault
    this.hasProducerTime = hasProducerTime
  }

  /** A record of buffers of its own. */
  static of(o: RecordContent): SourceRecord {
    const bytes = Buffer.allocUnsafe((o.key?.length ?? 0) + (o.value?.length ?? 0))
    return SourceRecord.copiedTo(bytes, 0, o)
  }

  /** A record of this content, key and value copied into `bytes` from `at` on. */
  static copiedTo(bytes: Buffer, at: number, o: RecordContent): SourceRecord {
    const { key, value } = o
    const keyEnd = at + (key?.length ?? 0)
    key?.copy(bytes, at)
    value?.copy(bytes, keyEnd)
    return new SourceRecord(
      o.offset,
      o.appendTime,
      bytes,
      key === null ? -1 : at,
      key === null ? -1 : keyEnd,
      value === null ? -1 : keyEnd,
      value === null ? -1 : keyEnd + value.length,
      o.fault ?? null,
      o.hasProducerTime,
    )
  }

  /** A view, made anew at each call. */
  get key(): Buffer | null {
    return this.keyStart < 0 ? null : this.bytes.subarray(this.keyStart, this.keyEnd)
  }

  /** A view, made anew at each call. */
  get value(): Buffer | null {
    return this.valueStart < 0 ? null : this.bytes.subarray(this.valueStart, this.valueEnd)
  }

  /** Bytes of the key and the value. */
  get size(): number {
    return this.keyEnd - this.keyStart + (this.valueEnd - this.valueStart)
  }
}

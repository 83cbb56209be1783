/**
 * The header of a version 2 record batch (Kafka documentation, "Record Batch"): where its fields stand, in bytes from
 * the batch's first. All numbers are big-endian.
 */
export const BATCH_HEADER_BYTES = 61

/** Base offset and length: what the batch's own length leaves out. */
export const BATCH_PREFIX_BYTES = 12

export const BATCH_FIELD = {
  /** int64 */
  baseOffset: 0,
  /** int32: bytes after this field. */
  length: 8,
  /** int32 */
  leaderEpoch: 12,
  /** int8 */
  magic: 16,
  /** uint32: CRC-32C of everything from `attributes` on. */
  crc: 17,
  /** int16, see `BATCH_ATTRIBUTE`. */
  attributes: 21,
  /** int32: last offset minus base offset. */
  lastOffsetDelta: 23,
  /** int64, milliseconds. */
  firstTimestamp: 27,
  /** int64, milliseconds; the append time where the broker sets it. */
  maxTimestamp: 35,
  /** int64 */
  producerId: 43,
  /** int16 */
  producerEpoch: 51,
  /** int32 */
  firstSequence: 53,
  /** int32: number of records. */
  count: 57,
} as const

export const BATCH_ATTRIBUTE = { codec: 0x07, appendTime: 0x08, transactional: 0x10, control: 0x20 } as const

/**
 * Bytes that no encoder writes and that a format forbids, which the Java client nevertheless reads, refuses or skips
 * depending on how its buffers stand. They are never taken apart: the list is in docs/decisions/kafka-fetch-and-decode.md.
 */
export class NonconformingInput extends Error {
  override readonly name = 'NonconformingInput'
}

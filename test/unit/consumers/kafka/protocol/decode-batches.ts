import { type SliceOptions, slices } from '../../../../../consumers/kafka/protocol/record-batch.ts'
import type { DecodedSlice } from '../../../../../consumers/kafka/protocol/slice.ts'
import { buildBatch } from './batch-builder.ts'

export const MIB = 1024 * 1024

export function decode(recordBatches: Buffer, options: Partial<SliceOptions> = {}): DecodedSlice[] {
  const defaults = { topic: 't', partition: 0, from: 0n, aborted: [], maxSliceBytes: MIB, maxBatchBytes: MIB }
  return [...slices({ ...defaults, recordBatches, ...options })]
}

/** The offsets of records and gaps in order, each once. */
export function offsets(all: readonly DecodedSlice[]): bigint[] {
  const found = all.flatMap(({ records, gaps }) => [
    ...records.map(({ offset }) => offset),
    ...gaps.flatMap(({ first, last }) => {
      return Array.from({ length: Number(last - first) + 1 }, (_, i) => first + BigInt(i))
    }),
  ])
  return found.toSorted((a, b) => (a < b ? -1 : 1))
}

export const value = (text: string): Buffer => Buffer.from(text)
export const plain = (base: bigint, ...deltas: number[]) =>
  buildBatch({ base, records: deltas.map((delta) => ({ delta, value: value(`v${base + BigInt(delta)}`) })) })

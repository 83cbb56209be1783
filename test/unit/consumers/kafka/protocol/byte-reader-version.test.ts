import { createHash } from 'node:crypto'
import { expect, it } from 'vitest'
import { BYTE_READER_VERSION } from '../../../../../consumers/kafka/protocol/byte-reader-version.ts'
import { slices } from '../../../../../consumers/kafka/protocol/record-batch.ts'
import { randomBatch } from '../../../../support/kafka/random-batch.ts'
import { RandomSource } from '../../../../support/kafka/random-source.ts'

/** Of what `digest` covers, by version. A change here without a new version lets two workers' trees differ. */
const DIGESTS: Readonly<Record<number, string>> = {
  1: '71361538c85bfe2fb0678efd28198144007bfc8429029294a8675a92a8533a94',
}
/** Those that our own encoders write: what node:zlib writes depends on the processor. */
const CODECS = [0, 2, 3]

function digest(): string {
  const random = new RandomSource(1)
  const hash = createHash('sha256')
  for (let i = 0; i < 3_000; i++) {
    const recordBatches = randomBatch(random, 7n, { codecs: CODECS })
    if (recordBatches.readInt32BE(23) < 0) continue
    const limits = { maxSliceBytes: 1, maxBatchBytes: 1_048_576 }
    for (const slice of slices({
      topic: 't',
      partition: 0,
      recordBatches,
      from: 7n,
      aborted: [],
      ...limits,
    })) {
      for (const { offset, appendTime, key, value, fault, hasProducerTime } of slice.records) {
        const facts = [offset, appendTime, hasProducerTime, key?.length, value?.length, fault?.code]
        hash
          .update(facts.join())
          .update(key ?? '')
          .update(value ?? '')
      }
      for (const { first, last, reason, brokerTime } of slice.gaps)
        hash.update([first, last, reason, brokerTime].join())
      hash.update([slice.first, slice.last].join())
    }
  }
  return hash.digest('hex')
}

it('what record batches give changes only with the version of the byte reader', () => {
  expect(digest()).toBe(DIGESTS[BYTE_READER_VERSION])
})

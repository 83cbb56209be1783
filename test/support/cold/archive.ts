import { initArchive } from '../../../consumers/cold/init.ts'
import type { ColdContext, ColdSinkOptions, TamperingReport } from '../../../consumers/cold/options.ts'
import { createColdSink } from '../../../consumers/cold/sink.ts'
import type { Claim, PartitionRef, Range, RangeOutcome, Sink } from '../../../consumers/engine/contracts.ts'
import { type TestBucket, testBucket } from './bucket.ts'
import { testPartition } from './ranges.ts'
import { coldContext, coldOptions } from './sink.ts'

/** One initialised partition in a bucket of its own. */
export interface TestArchive {
  readonly bucket: TestBucket
  readonly context: ColdContext
  readonly partition: PartitionRef
  readonly tampering: TamperingReport[]
  /** A worker of its own with the same key; its claim is taken. */
  worker(changes?: Partial<ColdSinkOptions>): Promise<TestWorker>
}

export interface TestWorker {
  readonly sink: Sink
  readonly claim: Claim
  /** @throws what the range has failed for */
  deliver(range: Range): Promise<RangeOutcome | undefined>
}

export async function testArchive(name: string): Promise<TestArchive> {
  const bucket = await testBucket(name)
  const tampering: TamperingReport[] = []
  const context = coldContext(bucket.store, tampering)
  const partition = testPartition()
  await initArchive(context, { partition, reason: 'test' })
  const worker = async (changes: Partial<ColdSinkOptions> = {}): Promise<TestWorker> => {
    const { signal } = new AbortController()
    const sink = createColdSink(coldOptions(context, changes))
    const claim = await sink.claim(partition, signal)
    const deliver = async (range: Range) => {
      const [outcome] = await sink.deliver([{ claim, range }], signal)
      if (typeof outcome === 'object') throw outcome.error
      return outcome
    }
    return { sink, claim, deliver }
  }
  return { bucket, context, partition, tampering, worker }
}

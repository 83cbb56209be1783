import { LeafHasher } from '../../proof/leaf.ts'
import {
  type CheckedRecord,
  type Claim,
  type Delivery,
  type LogBounds,
  type PartitionRef,
  partitionKey,
  type Range,
  type RangeOutcome,
  type Sink,
} from '../engine/contracts.ts'
import { buildObject } from './build.ts'
import { ByteGate } from './byte-gate.ts'
import { ColdClaim } from './claim.ts'
import { concurrently } from './concurrently.ts'
import { DELIVERY_MEMORY_BYTES, READ_MEMORY_BYTES } from './limits.ts'
import { brokerTimeOf, minuteOfRange } from './minute.ts'
import { notAtTip } from './not-at-tip.ts'
import type { ColdSinkOptions, ColdWriterContext } from './options.ts'
import { PacedWork } from './paced-work.ts'
import { putObject } from './put.ts'
import { retainUntil } from './retention.ts'
import { nextOffset } from './tree-state.ts'
import { WriterSchemas } from './writer-schemas.ts'

const BLOCK_BYTES = 512 * 1024
const PARALLEL_PUTS = 8
/** To make an object of so many bad bytes keeps the event loop for tens of milliseconds. */
const MANY_BAD_BYTES = 4 * 1024 * 1024

/**
 * The archive as a sink: one object for each range, created once, locked, signed (docs/formats). Exclusion is the
 * create-only PUT on the key of the range's first offset, so `claim` waits for nobody, and an earlier owner's PUT
 * may still take effect after it; then ours finds it and answers `fenced`, or `delivered` where both cut alike.
 */
export function createColdSink(options: ColdSinkOptions): Sink {
  return new ColdSink(options)
}

class ColdSink implements Sink {
  readonly name = 'cold'
  readonly #options: ColdSinkOptions
  readonly #context: ColdWriterContext
  readonly #schemas: WriterSchemas
  readonly #gate: ByteGate
  /** Ranges of many bad bytes. */
  readonly #paced: PacedWork
  readonly #hashers = new Map<string, LeafHasher>()
  /** Deliveries that have not ended, by partition. */
  readonly #running = new Map<string, Set<Promise<unknown>>>()

  constructor(options: ColdSinkOptions) {
    this.#options = options
    this.#context = { ...options, reads: new ByteGate(READ_MEMORY_BYTES) }
    this.#gate = new ByteGate(options.memoryBytes ?? DELIVERY_MEMORY_BYTES)
    this.#paced = new PacedWork(options.clock)
    this.#schemas = new WriterSchemas(options.catalogue)
  }

  async claim(partition: PartitionRef, signal: AbortSignal, log?: LogBounds | null): Promise<Claim> {
    // A rejoin claims again while a delivery of the old generation may still run in this process.
    await Promise.allSettled(this.#running.get(partitionKey(partition)) ?? [])
    const claim = new ColdClaim({ partition, context: this.#context, failpoints: this.#options.failpoints })
    await claim.open(signal, log)
    return claim
  }

  async deliver(deliveries: readonly Delivery[], signal: AbortSignal): Promise<readonly RangeOutcome[]> {
    const limit = this.#options.parallelPuts ?? PARALLEL_PUTS
    const settled = await concurrently(deliveries, limit, (delivery) => this.#noted(delivery, signal))
    return settled.map((result) =>
      result.status === 'fulfilled' ? result.value : { kind: 'failed', error: result.reason },
    )
  }

  /** A flood of bad records that unpack to megabytes must not take the event loop from the events of others. */
  isSlow({ bytes, records }: Range): boolean {
    if (bytes < MANY_BAD_BYTES) return false
    let bad = 0
    for (const { record, verdict } of records) if (verdict.kind === 'bad') bad += record.size
    return bad >= MANY_BAD_BYTES
  }

  fingerprint({ record }: CheckedRecord, partition: PartitionRef): Buffer {
    const hash = Buffer.alloc(32)
    this.#hasher(partition).hashInto(record, hash, 0)
    return hash
  }

  async close(): Promise<void> {
    this.#options.store.close()
  }

  async #noted(delivery: Delivery, signal: AbortSignal): Promise<RangeOutcome> {
    const key = partitionKey(delivery.range.partition)
    const running = this.#running.get(key) ?? new Set()
    this.#running.set(key, running)
    const delivering = this.#deliverOne(delivery, signal)
    running.add(delivering)
    try {
      return await delivering
    } finally {
      running.delete(delivering)
      if (running.size === 0) this.#running.delete(key)
    }
  }

  async #deliverOne({ claim, range }: Delivery, signal: AbortSignal): Promise<RangeOutcome> {
    if (!(claim instanceof ColdClaim)) throw new TypeError('the claim was taken from another sink')
    const next = nextOffset(claim.state)
    if (range.first < next) return 'fenced'
    if (range.first > next) throw notAtTip(range, next)
    const write = () => this.#gate.run(range.bytes, () => this.#write(claim, range, signal))
    return this.isSlow(range) ? this.#paced.run(write) : (await write()).result
  }

  async #write(claim: ColdClaim, range: Range, signal: AbortSignal) {
    const lockedUntil = this.#lockOf(claim, range)
    const started = performance.now()
    const built = await buildObject(range, claim.state, {
      logId: this.#options.logIdOf(range.partition),
      hasher: this.#hasher(range.partition),
      schemas: this.#schemas,
      signer: this.#options.signer,
      crypto: this.#options.crypto,
      readerVersion: this.#options.readerVersion,
      codec: this.#options.codec ?? 'zstandard',
      blockBytes: this.#options.blockBytes ?? BLOCK_BYTES,
      ...(this.#options.level === undefined ? {} : { level: this.#options.level }),
    })
    const busyMs = performance.now() - started
    const o = { context: this.#context, failpoints: this.#options.failpoints, lockedUntil }
    return { result: await putObject(claim, range, built, o, signal), busyMs }
  }

  /** Before anything is signed. @throws what `retainUntil` throws */
  #lockOf(claim: ColdClaim, range: Range): Date {
    return retainUntil({
      range,
      minute: minuteOfRange(range, claim.state),
      isQuiet: brokerTimeOf(range) === null,
      retentionMs: this.#options.retentionMsOf(range.partition.topic),
      now: this.#options.clock.now(),
    })
  }

  #hasher(partition: PartitionRef): LeafHasher {
    const key = partitionKey(partition)
    const known = this.#hashers.get(key)
    if (known !== undefined) return known
    const hasher = new LeafHasher({
      logId: this.#options.logIdOf(partition),
      sha256: this.#options.crypto.sha256,
      sha256Parts: this.#options.crypto.sha256Parts,
    })
    this.#hashers.set(key, hasher)
    return hasher
  }
}

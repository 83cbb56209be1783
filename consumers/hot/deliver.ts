import type { Failpoints } from '../../runtime/failpoints.ts'
import type { AvroRecordSchema } from '../../schemas/avro-schema.ts'
import { DaybookError } from '../../schemas/errors.ts'
import {
  type BadBatch,
  type Delivery,
  type FailedRange,
  type PartitionRef,
  partitionKey,
  type Quarantine,
  type Quarantined,
  type Range,
  type RangeOutcome,
} from '../engine/contracts.ts'
import type { HotStore } from './clickhouse/store.ts'
import type { Copies, Listing } from './copies/copies.ts'
import { DuplicateGuard } from './copies/duplicate-guard.ts'
import { EventIds } from './copies/event-ids.ts'
import { DeliveryJob } from './delivery-job.ts'
import { type ClaimedRows, createEventInsert, type EventInsert } from './insert/event-insert.ts'
import type { EventRow, EventRows } from './insert/event-rows.ts'
import { createGapLedger, type GapLedger, hotGaps } from './insert/gap-rows.ts'
import type { InsertEncoding } from './insert/insert-encoding.ts'
import { planInsert } from './insert/insert-planner.ts'
import { createRejectingInsert, type RejectingInsert } from './insert/rejecting-insert.ts'
import type { TableLifetime } from './insert/table-lifetime.ts'
import { eachByItself } from './isolation.ts'
import type { HotClaim } from './ownership/claim.ts'
import type { Fence } from './ownership/fence.ts'

export interface DelivererOptions {
  readonly store: HotStore
  readonly fence: Fence
  readonly rows: EventRows
  readonly copies: Copies
  readonly lifetime: TableLifetime
  readonly quarantine: Quarantine
  readonly failpoints: Failpoints
  readonly table: AvroRecordSchema
  readonly encoding: InsertEncoding
  /** What the owner ids of this process begin with. */
  readonly processId: string
  readonly now: () => number
  /** So many events of a delivered range were too old for the table: they stand in `gaps` as `expired`. */
  readonly onExpired?: (partition: PartitionRef, events: number) => void
}

type Job = DeliveryJob

export type Deliver = (
  deliveries: readonly Delivery[],
  signal: AbortSignal,
) => Promise<readonly RangeOutcome[]>

/**
 * The order of steps: quarantine, gaps, list of copies, events. Each is durable before the next begins. Partitions
 * share statements; what fails for one of them fails for that one alone (see `eachByItself`).
 */
export function createDeliverer(o: DelivererOptions): Deliver {
  const deliverer = new Deliverer(o)
  return (deliveries, signal) => deliverer.deliver(deliveries, signal)
}

class Deliverer {
  readonly #o: DelivererOptions
  readonly #gaps: GapLedger
  readonly #eventInserts: EventInsert
  readonly #inserts: RejectingInsert
  readonly #duplicateGuard = new DuplicateGuard()

  constructor(o: DelivererOptions) {
    this.#o = o
    this.#gaps = createGapLedger(o)
    this.#eventInserts = createEventInsert(o)
    this.#inserts = createRejectingInsert({
      inserts: this.#eventInserts,
      quarantine: o.quarantine,
      gaps: this.#gaps,
    })
  }

  async deliver(deliveries: readonly Delivery[], signal: AbortSignal): Promise<RangeOutcome[]> {
    const begun = await this.#begin(deliveries, signal)
    const jobs = begun.filter((job) => job instanceof DeliveryJob)
    await this.#recordGaps(jobs, signal)
    const open = openOf(jobs)
    const ids = new EventIds(rowsOf(open))
    await this.#duplicateGuard.run(ids, () =>
      eachByItself(open, (some) => this.#insertOnce(some, some.length === open.length ? ids : null, signal)),
    )
    await eachByItself(openOf(jobs), (some) => this.#recordTips(some))
    for (const job of openOf(jobs)) this.#reportExpired(job)
    const outcomes = begun.map((job) => (job instanceof DeliveryJob ? job.outcome : job))
    throwCommonFailure(outcomes)
    return outcomes
  }

  /** A job for each delivery whose records can become rows. */
  async #begin(deliveries: readonly Delivery[], signal: AbortSignal): Promise<(Job | FailedRange)[]> {
    const oldestKept = await this.#o.lifetime.oldestKept(signal)
    const tools = { eventRows: this.#o.rows, now: this.#o.now(), oldestKept }
    return deliveries.map((delivery) => {
      try {
        const job = new DeliveryJob(delivery, tools)
        if (job.claim.state === 'unsettled') job.fail(notAsked(job.claim))
        return job
      } catch (error) {
        return { kind: 'failed', error }
      }
    })
  }

  /** Partitions with bad records do not share the fate of the quarantine with the others. */
  async #recordGaps(jobs: readonly Job[], signal: AbortSignal): Promise<void> {
    const open = openOf(jobs)
    const isBad = ({ range }: Job) => range.records.some(({ verdict }) => verdict.kind === 'bad')
    for (const group of [open.filter((job) => !isBad(job)), open.filter(isBad)])
      if (group.length > 0) await eachByItself(group, (some) => this.#recordOthers(some, signal))
    await eachByItself(openOf(jobs), (some) => this.#recordExpired(some, signal))
  }

  async #recordOthers(jobs: readonly Job[], signal: AbortSignal): Promise<void> {
    for (const { claim, range } of jobs) {
      const bad = quarantinedOf(range)
      if (bad.length > 0) await this.#o.quarantine.put(claim.partition, bad)
    }
    await this.#gaps.append(
      jobs.map(({ claim, range }) => ({ claim, gaps: hotGaps(range) })),
      signal,
    )
  }

  async #recordExpired(jobs: readonly Job[], signal: AbortSignal): Promise<void> {
    await this.#gaps.append(
      jobs.map(({ claim, expired }) => ({ claim, gaps: expired })),
      signal,
    )
  }

  #reportExpired({ claim, expired }: Job): void {
    const events = expired.reduce((sum, { first, last }) => sum + Number(last - first) + 1, 0)
    if (events > 0) this.#o.onExpired?.(claim.partition, events)
  }

  /** `ids`: of all rows of the jobs; null where they are not at hand. */
  async #insertOnce(jobs: readonly Job[], ids: EventIds | null, signal: AbortSignal): Promise<void> {
    for (const job of jobs) await settle(job, signal)
    const listed = await this.#listLater(jobs, ids, signal)
    if (listed === 'listed') return this.#insertAll(jobs, signal)
    if (listed === 'refused') {
      const claims = jobs.map(({ claim }) => claim)
      if (!(await this.#markLost(claims, signal))) throw refused(claims.length)
      return this.#insertOnce(openOf(jobs), null, signal)
    }
    const isCrossing = ({ claim }: Job) => listed.crossing.has(partitionKey(claim.partition))
    const others = jobs.filter((job) => !isCrossing(job))
    if (others.length > 0) await this.#insertOnce(others, null, signal)
    for (const one of jobs.filter(isCrossing)) await this.#insertOnce([one], null, signal)
  }

  async #listLater(jobs: readonly Job[], ids: EventIds | null, signal: AbortSignal): Promise<Listing> {
    const rows = remainingOf(jobs)
    if (rows.length === 0) return 'listed'
    const owned = jobs.map(({ claim: { partition, owner } }) => ({ partition, owner }))
    return this.#o.copies.listLater(rows, ids ?? new EventIds(rows), owned, signal)
  }

  async #insertAll(jobs: readonly Job[], signal: AbortSignal): Promise<void> {
    for (;;) {
      const open = openOf(jobs)
      const parts = planInsert(open)
      if (parts.length === 0) break
      const onDone = (claim: HotClaim, count: number) => {
        for (const job of open) if (job.claim === claim) job.advance(count)
      }
      const outcome = await this.#inserts.insert(parts, { signal, onDone })
      if (outcome === 'refused') await this.#afterRefusal(open, parts, signal)
    }
    const written = rowsOf(openOf(jobs))
    if (written.length > 0 && (await this.#o.fence.hasOthers(this.#o.processId, signal)))
      await this.#o.copies.settle(written, signal)
  }

  /**
   * The statement names no culprit: the fence does. Where it names none either, a view that somebody attached to the
   * table refused rows which are in the table.
   */
  async #afterRefusal(
    jobs: readonly Job[],
    parts: readonly ClaimedRows[],
    signal: AbortSignal,
  ): Promise<void> {
    const claims = parts.map(({ claim }) => claim)
    if (await this.#markLost(claims, signal)) return
    if (!(await this.#eventInserts.areStored(parts, signal))) throw refused(parts.length)
    for (const { claim, rows } of parts)
      for (const job of jobs) if (job.claim === claim) job.advanceThrough(rows.at(-1)?.record.offset ?? -1n)
  }

  /** Whether any of these claims is not the current one any more. */
  async #markLost(claims: readonly HotClaim[], signal: AbortSignal): Promise<boolean> {
    const states = await this.#o.fence.read(
      claims.map(({ partition }) => partition),
      signal,
    )
    const lost = claims.filter(({ owner }, index) => states[index]?.owner !== owner)
    for (const claim of lost) claim.lost()
    return lost.length > 0
  }

  /** Where a range holds no event, only the fence can say that it is done. */
  async #recordTips(jobs: readonly Job[]): Promise<void> {
    for (const { claim, range } of jobs) claim.dealtWith(range.last)
    const silent = jobs.filter(({ rows }) => rows.length === 0)
    if (silent.length === 0) return
    await this.#o.fence.record(silent.map(({ claim, range }) => claim.fenceRow(range.last)))
    for (const { claim, range } of silent) claim.tipRecorded(range.last)
  }
}

/** What failed for every range is the failure of the delivery. */
function throwCommonFailure(outcomes: readonly RangeOutcome[]): void {
  const errors = new Set(outcomes.map((outcome) => (typeof outcome === 'string' ? null : outcome.error)))
  const [error = null] = errors
  if (errors.size === 1 && error !== null) throw error
}

/** Before rows go out again: what an insert without an answer may have written is not sent twice. */
async function settle(job: Job, signal: AbortSignal): Promise<void> {
  if (job.claim.state !== 'unsettled') return
  const { last } = await job.claim.tip(signal)
  if (last !== null) job.advanceThrough(last)
}

function openOf(jobs: readonly Job[]): readonly Job[] {
  return jobs.filter((job) => job.isOpen)
}

/** Each batch with bad records once; a bad record alone where its batch is not known. */
function quarantinedOf(range: Range): Quarantined[] {
  const items: Quarantined[] = []
  let last: BadBatch | undefined
  for (const { record, verdict, batch } of range.records) {
    if (verdict.kind !== 'bad') continue
    const { code, reason, schemaId } = verdict
    if (batch === undefined)
      items.push({ kind: 'record', record, bad: { offset: record.offset, code, reason, schemaId } })
    else if (batch !== last) items.push({ kind: 'batch', batch })
    last = batch
  }
  return items
}

function rowsOf(jobs: readonly Job[]): readonly EventRow[] {
  const [only] = jobs
  return jobs.length === 1 && only !== undefined ? only.rows : jobs.flatMap((one) => one.rows)
}

function remainingOf(jobs: readonly Job[]): readonly EventRow[] {
  const [only] = jobs
  return jobs.length === 1 && only !== undefined ? only.remaining : jobs.flatMap((one) => one.remaining)
}

function notAsked({ partition: { topic, partition } }: HotClaim): DaybookError {
  return new DaybookError(
    'DAYBOOK_HOT_TIP_NOT_ASKED',
    `An earlier write of ${topic}/${partition} ended without an answer; ask the tip before the next one.`,
    { retryable: true, details: { topic, partition } },
  )
}

function refused(partitions: number): DaybookError {
  return new DaybookError(
    'DAYBOOK_HOT_REFUSED',
    `The store refused an insert as fenced, but the fence names this worker for all its ${partitions} partition(s). It is tried again.`,
    { retryable: true, details: { partitions } },
  )
}

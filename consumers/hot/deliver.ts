import type { Failpoints } from '../../runtime/failpoints.ts'
import type { AvroRecordSchema } from '../../schemas/avro-schema.ts'
import { DaybookError } from '../../schemas/errors.ts'
import type { BadBatch, Delivery, Quarantine, Quarantined, Range, RangeOutcome } from '../engine/contracts.ts'
import type { HotStore } from './clickhouse/store.ts'
import type { Copies } from './copies/copies.ts'
import { DuplicateGuard } from './copies/duplicate-guard.ts'
import { EventIds } from './copies/event-ids.ts'
import { type ClaimedRows, createEventInsert } from './insert/event-insert.ts'
import type { EventRow, EventRows } from './insert/event-rows.ts'
import { createGapLedger, type GapLedger, hotGaps } from './insert/gap-rows.ts'
import type { InsertEncoding } from './insert/insert-encoding.ts'
import { planInsert, type Queue } from './insert/insert-planner.ts'
import { createRejectingInsert, type RejectingInsert } from './insert/rejecting-insert.ts'
import { HotClaim } from './ownership/claim.ts'
import type { Fence } from './ownership/fence.ts'

export interface DelivererOptions {
  readonly store: HotStore
  readonly fence: Fence
  readonly rows: EventRows
  readonly copies: Copies
  readonly quarantine: Quarantine
  readonly failpoints: Failpoints
  readonly table: AvroRecordSchema
  readonly encoding: InsertEncoding
  /** What the owner ids of this process begin with. */
  readonly processId: string
  readonly now: () => number
}

/** One delivery's range with what is left to do of it. */
interface Job extends Queue {
  readonly range: Range
  readonly rows: readonly EventRow[]
}

interface Batch {
  readonly rows: readonly EventRow[]
  readonly ids: EventIds
}

export type Deliver = (
  deliveries: readonly Delivery[],
  signal: AbortSignal,
) => Promise<readonly RangeOutcome[]>

/** The order of steps: quarantine, gaps, list of copies, events. Each is durable before the next begins. */
export function createDeliverer(o: DelivererOptions): Deliver {
  const deliverer = new Deliverer(o)
  return (deliveries, signal) => deliverer.deliver(deliveries, signal)
}

class Deliverer {
  readonly #o: DelivererOptions
  readonly #gaps: GapLedger
  readonly #inserts: RejectingInsert
  readonly #duplicateGuard = new DuplicateGuard()

  constructor(o: DelivererOptions) {
    this.#o = o
    this.#gaps = createGapLedger(o)
    this.#inserts = createRejectingInsert({
      inserts: createEventInsert(o),
      quarantine: o.quarantine,
      gaps: this.#gaps,
    })
  }

  async deliver(deliveries: readonly Delivery[], signal: AbortSignal): Promise<RangeOutcome[]> {
    const jobs = deliveries.map(({ claim, range }) => job(claim, range, this.#o.rows))
    const mine = jobs.filter(({ claim }) => !claim.lost)
    await this.#recordOthers(mine, signal)
    const rows = rowsOf(mine)
    const ids = new EventIds(rows)
    await this.#duplicateGuard.run(ids, () => this.#insertOnce(mine, { rows, ids }, signal))
    await this.#recordTips(mine)
    return jobs.map(({ claim }) => (claim.lost ? 'fenced' : 'delivered'))
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

  async #insertOnce(jobs: readonly Job[], { rows, ids }: Batch, signal: AbortSignal): Promise<void> {
    if (rows.length === 0) return
    if ((await this.#o.copies.listLater(rows, ids, signal)) === 'listed') return this.#insertAll(jobs, signal)
    for (const one of jobs) {
      await this.#o.copies.listLater(one.rows, new EventIds(one.rows), signal)
      await this.#insertAll([one], signal)
    }
  }

  async #insertAll(jobs: readonly Job[], signal: AbortSignal): Promise<void> {
    for (;;) {
      const open = jobs.filter(({ claim }) => !claim.lost)
      const parts = planInsert(open)
      if (parts.length === 0) break
      const onDone = (claim: HotClaim, count: number) => advance(open, claim, count)
      const outcome = await this.#inserts.insert(parts, { signal, onDone })
      if (outcome === 'refused') await this.#findLost(parts, signal)
    }
    const written = rowsOf(jobs.filter(({ claim }) => !claim.lost))
    if (written.length > 0 && (await this.#o.fence.hasOthers(this.#o.processId, signal)))
      await this.#o.copies.settle(written, signal)
  }

  /** The statement names no culprit: the fence does. */
  async #findLost(parts: readonly ClaimedRows[], signal: AbortSignal): Promise<void> {
    const states = await this.#o.fence.read(
      parts.map(({ claim }) => claim.partition),
      signal,
    )
    let lost = 0
    for (const [index, { claim }] of parts.entries()) {
      if (states[index]?.owner === claim.owner) continue
      claim.lost = true
      lost++
    }
    if (lost === 0) throw refused(parts.length)
  }

  /** Where a range holds no event, only the fence can say that it is done. */
  async #recordTips(jobs: readonly Job[]): Promise<void> {
    const done = jobs.filter(({ claim }) => !claim.lost)
    for (const { claim, range } of done) if (range.last > claim.knownTip) claim.knownTip = range.last
    const silent = done.filter(({ rows }) => rows.length === 0)
    if (silent.length === 0) return
    await this.#o.fence.record(silent.map(({ claim, range }) => ({ ...claimState(claim), tip: range.last })))
    for (const { claim, range } of silent) claim.recordedTip = range.last
  }
}

function job(claim: Delivery['claim'], range: Range, eventRows: EventRows): Job {
  if (!(claim instanceof HotClaim)) throw new TypeError('the claim is not of the hot sink')
  if (claim.ambiguous && !claim.lost) throw notAsked(claim)
  const rows: EventRow[] = []
  for (const checked of range.records) {
    const row = eventRows.row(checked, claim.partition)
    if (row !== null) rows.push(row)
  }
  return { claim, range, rows, done: 0 }
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

function advance(jobs: readonly Job[], claim: HotClaim, count: number): void {
  for (const one of jobs) if (one.claim === claim) one.done += count
}

function claimState({ partition, epoch, owner }: HotClaim) {
  return { partition, epoch, owner }
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

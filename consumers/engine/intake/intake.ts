import type { Failpoints } from '../../../runtime/failpoints.ts'
import type {
  BadRecordCode,
  CheckedRecord,
  Checker,
  Gap,
  Sink,
  SourceBatch,
  SourceRecord,
} from '../contracts.ts'
import { decodeRegression, logLost, settled, tipContradicted } from '../faults.ts'
import type { Cutter } from '../flush/cutter.ts'
import type { CutCause, EngineObserver } from '../observer.ts'
import type { PartitionSession } from '../partition-session.ts'
import { higher } from '../range.ts'
import { type BackoffTools, untilDone } from '../recovery/backoff.ts'
import { retried } from '../recovery/retry-report.ts'
import { checkAll } from './check-records.ts'
import type { FloodAlarm } from './flood-alarm.ts'
import type { MemoryBudget } from './memory-budget.ts'
import type { Pressure } from './memory-pressure.ts'

export interface IntakeOptions {
  readonly checker: Checker
  readonly sink: Pick<Sink, 'fingerprint' | 'keepsBadRecords'>
  readonly cutter: Cutter
  readonly memory: MemoryBudget
  readonly pressure: Pick<Pressure, 'makeRoom'>
  readonly floodAlarm: FloodAlarm
  readonly backoff: BackoffTools
  readonly failpoints: Failpoints
  readonly observer: EngineObserver
}

function totalSize(records: readonly SourceRecord[]): number {
  let bytes = 0
  for (const { size } of records) bytes += size
  return bytes
}

/** So many bytes are taken in between two looks at whether there is room for more. */
const ASK_ROOM_BYTES = 512 * 1024

const LARGE_RECORD_PATIENCE_MS = 5_000

/** From a fetched batch to the open range: everything is checked here, nothing is skipped without a named gap. */
export class Intake {
  readonly #options: IntakeOptions

  constructor(options: IntakeOptions) {
    this.#options = options
  }

  /** @throws DaybookError when offsets are missing, the store contradicts the log, or decoding has regressed. */
  async take(session: PartitionSession, batch: SourceBatch): Promise<void> {
    const { failpoints, memory, observer, checker, sink } = this.#options
    await failpoints.hit('fetch.before')
    session.sawLogEnd(batch.highWatermark)
    session.sawBatch(totalSize(batch.records))
    const from = session.unverified?.offset ?? session.next
    if (batch.last < from || !(await memory.room(session, 0, session.intakeSignal))) return
    const records = from <= batch.first ? batch.records : batch.records.filter(({ offset }) => offset >= from)
    if (!(await this.#prepared(session, batch, records))) return
    this.#verifyTip(session, batch, records)
    observer.fetched(session.partition, records, batch.highWatermark)
    const { partition } = session
    const checked = checkAll({ partition, records, batches: batch.batches ?? [], checker, sink })
    let done = 0
    for (const gap of batch.gaps) {
      if (checked.stop !== null && gap.first > checked.stop.offset) break
      done = await this.#addRecords(session, checked.records, done, gap.first)
      if (session.intakeSignal.aborted) return
      this.#addGap(session, gap)
    }
    await this.#addRecords(session, checked.records, done, null)
    if (session.intakeSignal.aborted) return
    if (checked.stop !== null) throw checked.stop.error
    // Also the end of a batch must be explained.
    this.#fillHole(session, batch.last + 1n)
    await failpoints.hit('fetch.after')
  }

  /** False when nothing more is to be taken in. A registry that is down only makes this partition wait. */
  async #prepared(
    session: PartitionSession,
    batch: SourceBatch,
    records: readonly SourceRecord[],
  ): Promise<boolean> {
    if (records.length === 0) return !session.intakeSignal.aborted
    const { checker, backoff, observer } = this.#options
    const attempt = await untilDone(backoff, {
      run: () => checker.prepare(records, batch),
      signal: session.intakeSignal,
      onRetry: retried(observer, 'prepare', session),
    })
    session.goesOn()
    return attempt.kind === 'done'
  }

  /** Compares the store's last record with the log's, once per claim, where the log still has it. */
  #verifyTip(session: PartitionSession, batch: SourceBatch, records: readonly SourceRecord[]): void {
    const stored = session.takeUnverified()
    if (stored === null) return
    if (batch.first > stored.offset) return
    const record = records.find((candidate) => candidate.offset === stored.offset)
    if (record === undefined) {
      // What an operator has accepted to be lost behind it was lost with it.
      if (session.acceptedLossThrough !== null && session.acceptedLossThrough >= stored.offset) return
      throw tipContradicted(session.partition, stored.offset, 'the store holds a record and Kafka has none')
    }
    const { checker } = this.#options
    const checked = { record, verdict: settled(session.partition, record.offset, checker.check(record)) }
    if (checked.verdict.kind === 'bad' && stored.kind === 'event') {
      throw decodeRegression(session.partition, stored.offset, checked.verdict.schemaId)
    }
    if (!this.#options.sink.fingerprint(checked, session.partition).equals(stored.hash)) {
      throw tipContradicted(session.partition, stored.offset, 'the store holds another record than Kafka')
    }
  }

  /** Adds the records from number `from` on that lie before offset `before`; returns the number of the next one. */
  async #addRecords(
    session: PartitionSession,
    records: readonly CheckedRecord[],
    from: number,
    before: bigint | null,
  ): Promise<number> {
    const { cutter, memory } = this.#options
    const bad = new Map<BadRecordCode, number>()
    let at = from
    let unasked = 0
    for (; at < records.length && !session.intakeSignal.aborted; at++) {
      const checked = records[at]
      if (checked === undefined || (before !== null && checked.record.offset > before)) break
      const { size } = checked.record
      if (unasked + size >= ASK_ROOM_BYTES) {
        if (!memory.hasRoom(session.bufferedBytes, size)) {
          await this.#makeRoom(session, size)
          // Also where there was room: the session may have ended before this goes on, and counts nothing any more.
          if (session.intakeSignal.aborted) break
        }
        unasked = 0
      }
      const full = cutter.before(session, checked.record)
      if (full !== null) {
        await cutter.cut(session, full)
        if (session.intakeSignal.aborted) break
      }
      const held = memory.bytes
      const cause = this.#addRecord(session, checked, bad)
      unasked += memory.bytes - held
      if (cause !== null) await cutter.cut(session, cause)
    }
    // Once for all of them: a flood must not cost a report for each of its records.
    for (const [code, count] of bad) this.#options.observer.badRecords(session.partition, code, count)
    return at
  }

  /**
   * A batch may hold more than the partition's share of the memory, and a record of `nextBytes` may fill it alone: all
   * others would wait then until it is delivered, so it waits for them, but not for ever. Returns also when nothing more
   * is to be taken in.
   */
  async #makeRoom(session: PartitionSession, nextBytes: number): Promise<void> {
    const { memory, pressure, backoff } = this.#options
    pressure.makeRoom()
    const patience = new AbortController()
    const cancel = backoff.clock.after(LARGE_RECORD_PATIENCE_MS, () => patience.abort())
    const { intakeSignal } = session
    const isThere = await memory.room(session, nextBytes, AbortSignal.any([intakeSignal, patience.signal]))
    cancel()
    if (!isThere) await memory.room(session, 0, intakeSignal)
  }

  /** Synchronous: this is the path of every record. Returns why the range is full now, or null. */
  #addRecord(
    session: PartitionSession,
    checked: CheckedRecord,
    bad: Map<BadRecordCode, number>,
  ): CutCause | null {
    const { cutter, floodAlarm } = this.#options
    const { record, verdict } = checked
    if (record.offset !== session.next) {
      if (record.offset < session.next) return null
      this.#fillHole(session, record.offset)
    }
    floodAlarm.observe(session, checked)
    if (verdict.kind === 'bad') bad.set(verdict.code, (bad.get(verdict.code) ?? 0) + 1)
    session.addRecord(checked)
    return cutter.after(session)
  }

  #addGap(session: PartitionSession, gap: Gap): void {
    if (gap.last < session.next) return
    this.#fillHole(session, gap.first)
    const first = higher(gap.first, session.next)
    session.addGap({ ...gap, first })
  }

  /** Offsets below `next` that nothing explains are lost; they are passed only where an operator accepted that. */
  #fillHole(session: PartitionSession, next: bigint): void {
    const first = session.next
    if (next <= first) return
    const last = next - 1n
    const accepted = session.acceptedLossThrough
    if (accepted === null || accepted < last) throw logLost(session.partition, first, last)
    session.addGap({ first, last, reason: 'lost_accepted' })
  }
}

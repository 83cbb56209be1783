import type {
  CheckedRecord,
  Claim,
  Committed,
  Gap,
  LogBounds,
  PartitionRef,
  Range,
  Tip,
  TipRecord,
} from './contracts.ts'
import { partitionKey } from './contracts.ts'
import { tipContradicted } from './faults.ts'
import type { MemoryBudget } from './intake/memory-budget.ts'
import { OpenRange } from './intake/open-range.ts'
import type { RangeAccount } from './observer.ts'
import { accountThrough, rangeBeyond } from './range.ts'

/** Why a partition stands still on purpose. */
export interface Waiting {
  readonly step: string
  readonly code: string
}

export interface PartitionSessionOptions {
  readonly partition: PartitionRef
  /** What the group had committed when the session began: nothing depends on it but whether to commit again. */
  readonly committedBefore: Committed | null
  /** What is committed with each position, see `CommitMark`. */
  readonly note: string | null
  readonly generation: number
  readonly memory: MemoryBudget
  /** Called once for each stretch of offsets that the store is known to hold. */
  readonly onAccounted: (account: RangeAccount) => void
  readonly fingerprint: (record: Range['records'][number]) => Buffer
}

/**
 * One partition while it is this member's: claiming → open (taking in, cutting, delivering, recovering) → over.
 * Only state and its transitions; no call waits. Invariant while open: store | queue | open range follow each other
 * without hole or overlap: `doneThrough + 1` is where the first queued range begins (or the open range, if none).
 */
export class PartitionSession {
  readonly partition: PartitionRef
  readonly key: string
  readonly committedBefore: Committed | null
  readonly #options: PartitionSessionOptions
  readonly #over = new AbortController()
  readonly #intakeOver = new AbortController()
  #isVoid = false
  #generation: number
  #note: string | null
  #unverified: TipRecord | null = null
  #acceptedLossThrough: bigint | null = null
  #highWatermark: bigint | null = null
  #readableEnd: bigint | null = null
  #delivering = false
  #recovering = false
  #failures = 0
  #badInARow = 0
  #batchBytes = 0
  #waiting: Waiting | null = null
  #claim: Claim | null = null
  #heldBeforeLoss: bigint | null = null
  #doneThrough = -1n
  #queue: Range[] = []
  #open: OpenRange

  constructor(options: PartitionSessionOptions) {
    this.#options = options
    this.partition = options.partition
    this.key = partitionKey(options.partition)
    this.#generation = options.generation
    this.committedBefore = options.committedBefore
    this.#note = options.note
    this.#open = new OpenRange(options.partition, 0n)
  }

  get generation(): number {
    return this.#generation
  }

  /** The group has a new generation, in which the partition is still this member's. */
  continueIn(generation: number): void {
    this.#generation = generation
  }

  /** Aborts when the session is over. */
  get signal(): AbortSignal {
    return this.#over.signal
  }

  /** Aborts when nothing more is to be taken in: when the session is over, or the engine stops. */
  get intakeSignal(): AbortSignal {
    return this.#intakeOver.signal
  }

  closeIntake(): void {
    this.#intakeOver.abort()
  }

  /** The tip's record, until it was read again from the log and compared. */
  get unverified(): TipRecord | null {
    return this.#unverified
  }

  /** Gives the tip's record once, to whoever compares it or cannot. */
  takeUnverified(): TipRecord | null {
    const record = this.#unverified
    this.#unverified = null
    return record
  }

  get acceptedLossThrough(): bigint | null {
    return this.#acceptedLossThrough
  }

  get highWatermark(): bigint | null {
    return this.#highWatermark
  }

  /** The log was seen to end at `end`; it never shrinks in a session. */
  sawLogEnd(end: bigint): void {
    if (this.#highWatermark === null || end > this.#highWatermark) this.#highWatermark = end
  }

  /** The log was seen to end as `bounds` say. */
  sawBounds({ logEnd, readableEnd }: LogBounds): void {
    this.sawLogEnd(logEnd)
    this.#readableEnd = readableEnd
  }

  /** Everything that may be read is taken in, and there is more in the log: a transaction is open. */
  get isHeldByTransaction(): boolean {
    const [readable, end] = [this.#readableEnd, this.#highWatermark]
    return readable !== null && end !== null && readable < end && this.next >= readable
  }

  /** What is committed with the position. */
  get note(): string | null {
    return this.#note
  }

  setNote(note: string | null): void {
    this.#note = note
  }

  /** A delivery of the first queued range is under way. */
  get delivering(): boolean {
    return this.#delivering
  }

  deliveryStarted(): void {
    this.#delivering = true
  }

  deliveryEnded(): void {
    this.#delivering = false
  }

  /** The store is being asked, or claimed again, or a pause runs: nothing is to be delivered now. */
  get recovering(): boolean {
    return this.#recovering
  }

  /** Gives the number of failures in a row without progress, this one included. */
  recoveryStarted(): number {
    this.#recovering = true
    this.#failures += 1
    return this.#failures
  }

  /** The store does not even say what it holds: that counts like a delivery that fails. */
  recoveryFailed(): void {
    if (this.#recovering) this.#failures += 1
  }

  recoveryEnded(): void {
    this.#recovering = false
  }

  /** The last delivery failed, and what it was to deliver is still here. */
  get isFailing(): boolean {
    return this.#failures > 0 && this.hasUndelivered
  }

  /** So many deliveries, and questions after them, have failed in a row without progress. */
  get failures(): number {
    return this.#failures
  }

  /** Counts a checked record; gives how many bad ones came since the last good one. */
  countBad(isBad: boolean): number {
    this.#badInARow = isBad ? this.#badInARow + 1 : 0
    return this.#badInARow
  }

  /** The step that is being tried again, and the code of its last error; null: nothing is in the way. */
  get waiting(): Waiting | null {
    return this.#waiting
  }

  waitsFor(step: string, code: string): void {
    this.#waiting = { step, code }
  }

  goesOn(): void {
    this.#waiting = null
  }

  get isOver(): boolean {
    return this.#over.signal.aborted
  }

  get claim(): Claim | null {
    return this.#claim
  }

  /** The range that still grows. */
  get open(): Pick<OpenRange, 'rows' | 'bytes' | 'firstRecord'> {
    return this.#open
  }

  get head(): Range | undefined {
    return this.#queue[0]
  }

  get queued(): number {
    return this.#queue.length
  }

  /** The store is known to hold everything up to here; −1: nothing. */
  get doneThrough(): bigint {
    return this.#doneThrough
  }

  /** The next offset to take in. */
  get next(): bigint {
    return this.#open.next
  }

  /** What may be committed: gaps behind the last delivered record count as done. */
  get committable(): bigint {
    const onlyGapsLeft = this.#queue.length === 0 && this.#open.rows === 0
    return onlyGapsLeft ? this.#open.next : this.#doneThrough + 1n
  }

  /** The log has lost what comes behind `tip`, so the session does not begin; what the store holds is known all the same. */
  cannotFollow(tip: Tip): void {
    this.#heldBeforeLoss = (tip.last ?? -1n) + 1n
  }

  /** The offset behind the store's tip, where the session could not begin for want of what follows; else null. */
  get heldBeforeLoss(): bigint | null {
    return this.#heldBeforeLoss
  }

  get hasUndelivered(): boolean {
    return this.#queue.length > 0 || this.#open.rows > 0
  }

  /** What is taken in and not delivered holds so much (`heldBytes`). */
  get bufferedBytes(): number {
    return this.#queue.reduce((sum, range) => sum + range.bytes, this.#open.bytes)
  }

  /** It holds little, and what came last was little: a partition that nobody floods, and that does not catch up. */
  get isSmall(): boolean {
    return this.#options.memory.isLittle(this.#batchBytes + this.bufferedBytes)
  }

  /** A batch is to be taken in whose records have so many bytes. */
  sawBatch(bytes: number): void {
    this.#batchBytes = bytes
  }

  get bufferedRecords(): number {
    return this.#queue.reduce((sum, range) => sum + range.records.length, this.#open.rows)
  }

  get ready(): boolean {
    return !this.isOver && !this.#delivering && !this.#recovering && this.#queue.length > 0
  }

  /** Begins with what the store says. */
  begin(claim: Claim, tip: Tip): void {
    this.#claim = claim
    this.#doneThrough = tip.last ?? -1n
    this.#open = new OpenRange(this.partition, this.#doneThrough + 1n)
    this.#unverified = tip.lastRecord
    this.#acceptedLossThrough = tip.acceptedLossThrough
  }

  /** Goes on under a new claim, after another one has fenced the first. */
  renew(claim: Claim, tip: Tip): void {
    this.#claim = claim
    this.#acceptedLossThrough = tip.acceptedLossThrough
    this.applyTip(tip, 'another')
  }

  /** Takes in the next offset's record; its bytes count as buffered from now on. */
  addRecord(checked: CheckedRecord): void {
    this.#options.memory.add(this.#open.addRecord(checked))
  }

  /** Takes in offsets without a record, from the next one on. */
  addGap(gap: Gap): void {
    this.#open.addGap(gap)
  }

  /** Closes the open range. Null where it has no record. */
  cut(): Range | null {
    const range = this.#open.cut()
    if (range !== null) this.#queue.push(range)
    return range
  }

  /** The first queued range is durable. */
  delivered(): void {
    const range = this.head
    if (range === undefined) return
    this.#options.onAccounted(accountThrough(range, range.last))
    this.#dropHead(range)
    this.#doneThrough = range.last
    this.#failures = 0
  }

  /**
   * Drops what the store holds, trims the range it holds in part. Offsets that another writer brought in are not
   * accounted here: it did.
   * @throws DaybookError when the store holds less than it did, or another record than ours.
   */
  applyTip(tip: Tip, writer: 'self' | 'another'): void {
    const held = tip.last ?? -1n
    if (held < this.#doneThrough) {
      throw tipContradicted(
        this.partition,
        this.#doneThrough,
        `the store had a record and now ends at ${held}`,
      )
    }
    this.#compare(tip.lastRecord)
    while (this.head !== undefined && this.head.first <= held) {
      if (writer === 'self') this.#options.onAccounted(accountThrough(this.head, held))
      if (this.head.last > held) this.#trimHead(this.head, held)
      else this.#dropHead(this.head)
    }
    if (this.#queue.length === 0) this.#options.memory.release(this.#open.dropThrough(held))
    if (held > this.#doneThrough) this.#failures = 0
    this.#doneThrough = held
  }

  /** The generation that the session belongs to is over: nothing of it may be committed any more. */
  get isVoid(): boolean {
    return this.#isVoid
  }

  /** Its generation is over. */
  end(): void {
    this.#isVoid = true
    this.stop()
  }

  /** Ends the session; what is open or queued is abandoned, a running delivery ends by itself. */
  stop(): void {
    if (this.isOver) return
    const running = this.#delivering ? (this.head?.bytes ?? 0) : 0
    this.#options.memory.release(this.bufferedBytes - running)
    this.#queue = this.#delivering ? this.#queue.slice(0, 1) : []
    this.#open = new OpenRange(this.partition, this.#doneThrough + 1n)
    this.#intakeOver.abort()
    this.#over.abort()
  }

  /** The delivery that was under way when the session ended has ended too, whatever its outcome. */
  releaseRunning(): void {
    if (this.head !== undefined) this.#dropHead(this.head)
  }

  #trimHead(head: Range, held: bigint): void {
    const rest = rangeBeyond(head, held)
    this.#queue[0] = rest
    // Who waits for room looks at once at what this partition holds.
    this.#options.memory.release(head.bytes - rest.bytes)
  }

  #dropHead(head: Range): void {
    this.#queue.shift()
    this.#options.memory.release(head.bytes)
  }

  /** The tip's record is compared where it is still in memory. */
  #compare(stored: TipRecord | null): void {
    if (stored === null) return
    const ours =
      this.#queue
        .find((range) => range.first <= stored.offset && stored.offset <= range.last)
        ?.records.find((checked) => checked.record.offset === stored.offset) ??
      this.#open.recordAt(stored.offset)
    if (ours !== undefined && !this.#options.fingerprint(ours).equals(stored.hash)) {
      throw tipContradicted(this.partition, stored.offset, 'the store holds another record than Kafka')
    }
  }
}

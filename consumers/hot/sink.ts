import { createHash, randomUUID } from 'node:crypto'
import type { Clock } from '../../runtime/clock.ts'
import type { Failpoints } from '../../runtime/failpoints.ts'
import type { AvroRecordSchema } from '../../schemas/avro-schema.ts'
import type {
  CheckedRecord,
  Delivery,
  PartitionRef,
  Quarantine,
  Range,
  RangeOutcome,
  Sink,
  Tip,
} from '../engine/contracts.ts'
import { partitionKey } from '../engine/contracts.ts'
import type { HotClients } from './clickhouse/client.ts'
import { createHotStore, type HotStore } from './clickhouse/store.ts'
import { type Copies, type CopiesFound, createCopies } from './copies/copies.ts'
import { recheckLastInsert } from './copies/duplicate-recheck.ts'
import { repeatsIds } from './copies/repeated-ids.ts'
import { createDeliverer, type Deliver } from './deliver.ts'
import { createEventRows, type EventRows, hashOf } from './insert/event-rows.ts'
import { avroEncoding, type InsertEncoding } from './insert/insert-encoding.ts'
import { createTableLifetime } from './insert/table-lifetime.ts'
import { HotClaim } from './ownership/claim.ts'
import { createFence, type Fence, NOBODY } from './ownership/fence.ts'
import { createRequireTopic, type RequireTopic } from './ownership/known-topics.ts'
import { createRunningInserts, type RunningInserts } from './ownership/running-inserts.ts'
import { readTip } from './ownership/tip.ts'
import { createTipKeeper, type TipKeeper } from './ownership/tip-keeper.ts'

export interface HotSinkOptions {
  /** The sink closes them. Their request time-out bounds how long a delivery may take. */
  readonly clients: HotClients
  readonly database: string
  /** The event schema whose columns the table has, and the schemas of accepted records. */
  readonly schemas: HotSchemas
  readonly quarantine: Quarantine
  readonly clock: Clock
  readonly failpoints: Failpoints
  /** Default: Avro. For comparisons. */
  readonly encoding?: InsertEncoding
  /** Events of a delivered range were so old that the table would drop them: they stand in `gaps` as `expired`. */
  readonly onExpired?: (partition: PartitionRef, events: number) => void
  /** Told of copies and conflicts before they are inserted. */
  readonly onCopies?: CopiesFound
  /** Copies that came at the same moment as an earlier insert could not be looked for; it is tried again. */
  readonly onRecheckFailed?: (partition: PartitionRef, error: unknown) => void
  /** How long inserts of an earlier owner may go on before they are killed. */
  readonly patienceMs?: number
  /** How long to wait for a killed insert. */
  readonly drainTimeoutMs?: number
}

export interface HotSchemas {
  readonly table: AvroRecordSchema
  /** The schema of an id that the checker accepted. @throws not retryable, when the table cannot take it whole. */
  schemaOf(schemaId: number): AvroRecordSchema
}

const DEFAULT_PATIENCE_MS = 2_000
const DEFAULT_DRAIN_TIMEOUT_MS = 15_000
/** After a look for copies that failed. */
const RECHECK_PAUSE_MS = 10_000
/** What is looked at again when the worker ends may be looked at by whoever claims the partition next. */
const CLOSE_PATIENCE_MS = 5_000

/**
 * The hot store: ClickHouse, each Kafka record once, each event visible once.
 *
 * Exclusion: a row in `fence` names the owner of a partition; every insert carries a constant subquery that refuses
 * it whole unless all its owners are current (docs/decisions/hot-fence.md). Records that are no
 * events go to the quarantine and into `gaps`, before the events around them.
 */
export function createHotSink(o: HotSinkOptions): Sink {
  return new HotSink(o)
}

class HotSink implements Sink {
  readonly name = 'hot'
  readonly keepsBadRecords = false
  readonly #deliver: Deliver
  readonly #clock: Clock
  readonly #now: () => number
  readonly #store: HotStore
  readonly #fence: Fence
  readonly #inserts: RunningInserts
  readonly #rows: EventRows
  readonly #copies: Copies
  /** What was seen in them: they are asked about again and again. */
  readonly #slow = new WeakMap<Range, boolean>()
  readonly #keeper: TipKeeper
  readonly #requireTopic: RequireTopic
  readonly #processId = randomUUID()
  #claims = 0
  /** Claims whose tip was asked for: the first time that is part of a take-over, later a delivery has failed. */
  readonly #asked = new WeakSet<HotClaim>()
  /** One at a time, beside everything else. */
  #rechecks: Promise<void> = Promise.resolve()
  /** From which tip on each partition is to be looked at; once each, however often its deliveries fail. */
  readonly #waitingRechecks = new Map<string, bigint>()
  /**
   * The last delivery of this process to each partition, where it has not ended well: nobody may have looked for copies
   * after it.
   */
  readonly #notLookedAt = new Map<string, symbol>()
  readonly #onRecheckFailed: HotSinkOptions['onRecheckFailed']
  readonly #closing = new AbortController()

  constructor(o: HotSinkOptions) {
    const { clock, quarantine, failpoints } = o
    this.#clock = clock
    this.#onRecheckFailed = o.onRecheckFailed
    this.#now = () => clock.now()
    const store = createHotStore({ clients: o.clients, database: o.database })
    this.#store = store
    this.#fence = createFence({ store, clock })
    this.#inserts = createRunningInserts({
      ...{ store, clock },
      patienceMs: o.patienceMs ?? DEFAULT_PATIENCE_MS,
      timeoutMs: o.drainTimeoutMs ?? DEFAULT_DRAIN_TIMEOUT_MS,
    })
    this.#rows = createEventRows(o.schemas)
    this.#requireTopic = createRequireTopic(store, this.#now)
    this.#keeper = createTipKeeper({ fence: this.#fence, clock })
    this.#copies = createCopies({ store, clock, onFound: o.onCopies })
    this.#deliver = createDeliverer({
      ...{ store, quarantine, failpoints, now: this.#now, processId: this.#processId },
      ...{ fence: this.#fence, rows: this.#rows, table: o.schemas.table },
      copies: this.#copies,
      lifetime: createTableLifetime({ store, clock }),
      ...(o.onExpired === undefined ? {} : { onExpired: o.onExpired }),
      encoding: o.encoding ?? avroEncoding(o.schemas.table),
    })
  }

  async claim(partition: PartitionRef, signal: AbortSignal): Promise<HotClaim> {
    const [[before = NOBODY]] = await Promise.all([
      this.#fence.read([partition], signal),
      this.#requireTopic(partition, signal),
    ])
    const owner = this.#nextOwner()
    // What is certain already; the rows that say so may expire before anybody looks again.
    const { last } = await readTip(this.#store, partition, before.tip, signal)
    const from = last !== null && last > before.tip ? { ...before, tip: last } : before
    const state = await this.#fence.take(partition, from, owner, signal)
    await this.#inserts.drain(partition, owner, signal)
    const ask = (held: HotClaim, asked: AbortSignal | undefined) => this.#tip(held, asked)
    const made = new HotClaim({ partition, epoch: state.epoch, owner, tip: state.tip, ask })
    this.#keeper.watch(made)
    const isOfAnother = before.owner !== '' && !before.owner.startsWith(`${this.#processId}.`)
    if (isOfAnother || this.#notLookedAt.has(partitionKey(partition))) this.#recheck(partition, state.tip)
    return made
  }

  async deliver(deliveries: readonly Delivery[], signal: AbortSignal): Promise<readonly RangeOutcome[]> {
    const keys = deliveries.map(({ claim }) => partitionKey(claim.partition))
    const delivery = Symbol('delivery')
    for (const key of keys) this.#notLookedAt.set(key, delivery)
    const outcomes = await this.#deliver(deliveries, signal)
    // One of an earlier claim may end only now: then it says nothing of the one that came after it.
    for (const [at, key] of keys.entries())
      if (outcomes[at] === 'delivered' && this.#notLookedAt.get(key) === delivery)
        this.#notLookedAt.delete(key)
    return outcomes
  }

  /** The quarantine may be slow, or not answer at all; copies have to be looked up and listed. */
  isSlow(range: Range): boolean {
    const known = this.#slow.get(range)
    if (known === true || this.#copies.areMany(range.partition)) return true
    if (known !== undefined) return false
    const isSlow =
      range.records.some(({ verdict }) => verdict.kind === 'bad') || repeatsIds(range, this.#rows)
    this.#slow.set(range, isSlow)
    return isSlow
  }

  fingerprint(checked: CheckedRecord, partition: PartitionRef): Buffer {
    const row = this.#rows.row(checked, partition)
    if (row !== null) return hashOf(row)
    return createHash('sha256')
      .update(checked.record.value ?? Buffer.alloc(0))
      .digest()
  }

  async close(): Promise<void> {
    const cancel = this.#clock.after(CLOSE_PATIENCE_MS, () => this.#closing.abort())
    await this.#rechecks
    cancel()
    this.#closing.abort()
    await this.#keeper.close()
    await this.#store.close()
  }

  /** Looks for copies in what was inserted around the tip `last`, and again until it succeeds or the worker ends. */
  #recheck(partition: PartitionRef, last: bigint): void {
    const { signal } = this.#closing
    const key = partitionKey(partition)
    const waiting = this.#waitingRechecks.get(key)
    // From the lower one on: what was inserted around both is looked at.
    this.#waitingRechecks.set(key, waiting !== undefined && waiting < last ? waiting : last)
    if (waiting !== undefined || signal.aborted) return
    const run = async () => {
      const lowest = this.#waitingRechecks.get(key) ?? last
      this.#waitingRechecks.delete(key)
      try {
        await recheckLastInsert(this.#store, { partition, last: lowest, clock: this.#clock, signal })
      } catch (error) {
        if (signal.aborted) return
        this.#onRecheckFailed?.(partition, error)
        void this.#clock.sleep(RECHECK_PAUSE_MS, signal).then(() => this.#recheck(partition, lowest))
      }
    }
    this.#rechecks = this.#rechecks.then(run)
  }

  async #tip(held: HotClaim, signal: AbortSignal | undefined): Promise<Tip> {
    if (held.state === 'unsettled') await this.#renew(held, signal)
    const answer = await readTip(this.#store, held.partition, held.recordedTip, signal)
    if (answer.last !== null) held.dealtWith(answer.last)
    // Rows may have got in without an answer, and then nobody has looked for copies that came at the same moment.
    if (this.#asked.has(held) && answer.last !== null) this.#recheck(held.partition, answer.last)
    this.#asked.add(held)
    return answer
  }

  /** Gives the claim a new owner id, so that what is still on its way under the old one is refused; ends what runs. */
  async #renew(held: HotClaim, signal: AbortSignal | undefined): Promise<void> {
    const [state] = await this.#fence.read([held.partition], signal)
    if (state === undefined || state.owner !== held.owner) return held.lost()
    const owner = this.#nextOwner()
    const renewed = await this.#fence.renew(held.partition, state, owner, signal)
    if (renewed === null) return held.lost()
    held.renewedAs(renewed)
    await this.#inserts.drain(held.partition, owner, signal)
    held.settled(owner)
  }

  #nextOwner(): string {
    return `${this.#processId}.${++this.#claims}`
  }
}

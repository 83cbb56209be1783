import type {
  CheckedRecord,
  Claim,
  Delivery,
  PartitionRef,
  Range,
  RangeOutcome,
  Sink,
  Tip,
} from '../../../consumers/engine/contracts.ts'
import { partitionKey } from '../../../consumers/engine/contracts.ts'
import { type Failpoints, noFailpoints } from '../../../runtime/failpoints.ts'
import { DaybookError } from '../../../schemas/errors.ts'
import { fakeFingerprint } from './fake-fingerprint.ts'
import type { FakeStore, RunningWrite } from './fake-store.ts'

/** The simulated network between a sink and its store. Without a simulation everything takes no time. */
export interface FakeWire {
  /** A message of this sink to the store or back; waits while its process is frozen. */
  hop(): Promise<void>
  /** Time that passes in the store, whatever becomes of the process. */
  storeWork(): Promise<void>
  now(): number
}

export const instantWire: FakeWire = {
  hop: () => Promise.resolve(),
  storeWork: () => Promise.resolve(),
  now: () => 0,
}

/** How a write goes wrong. */
export type WriteFault =
  /** Refused before anything happened. */
  | 'refused'
  /** The connection breaks while the store works on it: it takes effect later, unless it is killed. */
  | 'cut_off'
  /** It takes effect, the answer is lost. */
  | 'answer_lost'
  /** Of several ranges only the first takes effect, then the connection breaks. */
  | 'partial'

export interface FakeFaults {
  readonly write: () => WriteFault | null
  /** The store takes nothing of this partition, and says so for it alone. */
  readonly refuses: (partition: PartitionRef) => boolean
  readonly ask: () => boolean
  /** A claim waits for earlier writes, or ends them. */
  readonly kills: () => boolean
}

export const noFaults: FakeFaults = {
  write: () => null,
  refuses: () => false,
  ask: () => false,
  kills: () => true,
}

export interface FakeSinkOptions {
  readonly store: FakeStore
  readonly wire?: FakeWire
  readonly faults?: FakeFaults
  readonly failpoints?: Failpoints
  readonly leaseMs?: number
}

interface FakeClaim extends Claim {
  readonly epoch: bigint
  /** Only for the broken exclusion by deadline. */
  readonly until: number
}

/** A sink over a `FakeStore`, with every fault that a network and a store can show. */
export class FakeSink implements Sink {
  readonly name = 'fake'
  readonly #store: FakeStore
  readonly #wire: FakeWire
  readonly #faults: FakeFaults
  readonly #failpoints: Failpoints
  readonly #leaseMs: number
  readonly #claims = new WeakMap<Claim, FakeClaim>()

  constructor(options: FakeSinkOptions) {
    this.#store = options.store
    this.#wire = options.wire ?? instantWire
    this.#faults = options.faults ?? noFaults
    this.#failpoints = options.failpoints ?? noFailpoints
    this.#leaseMs = options.leaseMs ?? 400
  }

  async claim(partition: PartitionRef, signal: AbortSignal): Promise<Claim> {
    signal.throwIfAborted()
    await this.#ask()
    if (!this.#store.knows(partition)) throw recreated(partition)
    if (this.#store.exclusion === 'deadline') {
      while (this.#wire.now() < this.#store.leaseUntil(partition)) await this.#wire.storeWork()
    }
    const until = this.#wire.now() + this.#leaseMs
    const epoch = this.#store.raiseEpoch(partition, until)
    if (this.#store.exclusion === 'fence') await this.#outlive(partition, (other) => other < epoch)
    await this.#wire.hop()
    const claim = { partition, epoch, until, tip: () => this.#tip(partition, epoch) }
    this.#claims.set(claim, claim)
    return claim
  }

  async deliver(deliveries: readonly Delivery[], signal: AbortSignal): Promise<readonly RangeOutcome[]> {
    signal.throwIfAborted()
    const fault = this.#faults.write()
    if (this.#leaseIsOver(deliveries)) return deliveries.map(() => 'fenced')
    await this.#failpoints.hit('send.before')
    await this.#wire.hop()
    if (fault === 'refused') return this.#broken()
    const taken = deliveries.filter(({ range }) => !this.#faults.refuses(range.partition))
    const written =
      this.#store.exclusion === 'create_only'
        ? await this.#putObjects(taken, fault)
        : await this.#insert(taken, fault)
    const outcomes = deliveries.map(
      (delivery): RangeOutcome => written[taken.indexOf(delivery)] ?? { kind: 'failed', error: ambiguous() },
    )
    await this.#failpoints.hit('answer.before')
    await this.#wire.hop()
    await this.#failpoints.hit('answer.after')
    return outcomes
  }

  fingerprint(record: CheckedRecord): Buffer {
    return fakeFingerprint(record)
  }

  close(): Promise<void> {
    return Promise.resolve()
  }

  /** All ranges in one write, under the epochs that held when it began. */
  async #insert(deliveries: readonly Delivery[], fault: WriteFault | null): Promise<RangeOutcome[]> {
    const admitted = deliveries.filter(({ claim }) =>
      this.#store.admits(claim.partition, this.#epochOf(claim)),
    )
    const parts = fault === 'partial' ? admitted.slice(0, 1) : admitted
    const writes = parts.map(({ claim, range }) => this.#store.begin(this.#epochOf(claim), [range]))
    await this.#effect(writes, fault)
    if (writes.some((write) => write.ended === 'killed')) return this.#broken()
    return deliveries.map((delivery) => (admitted.includes(delivery) ? 'delivered' : 'fenced'))
  }

  /** One object after another; what stands under a key already is compared. */
  async #putObjects(deliveries: readonly Delivery[], fault: WriteFault | null): Promise<RangeOutcome[]> {
    const outcomes: RangeOutcome[] = []
    for (const { claim, range } of deliveries) {
      const write = this.#store.begin(this.#epochOf(claim), [range])
      await this.#effect([write], fault === 'partial' ? (outcomes.length > 0 ? 'cut_off' : null) : fault)
      outcomes.push(this.#sameObject(range) ? 'delivered' : 'fenced')
    }
    return outcomes
  }

  async #effect(writes: readonly RunningWrite[], fault: WriteFault | null): Promise<void> {
    await this.#failpoints.hit('send.after')
    await this.#failpoints.hit('effect.before')
    if (fault === 'cut_off') {
      void this.#wire.storeWork().then(() => this.#apply(writes))
      return this.#broken()
    }
    await this.#wire.hop()
    await this.#wire.storeWork()
    this.#apply(writes)
    if (fault === 'answer_lost' || fault === 'partial') return this.#broken()
    await this.#failpoints.hit('effect.after')
  }

  #apply(writes: readonly RunningWrite[]): void {
    for (const write of writes) {
      const [range] = write.ranges
      const taken =
        this.#store.exclusion === 'create_only' &&
        range !== undefined &&
        this.#store.objectAt(range.partition, range.first) !== null
      if (taken) this.#store.kill(write)
      else this.#store.apply(write)
    }
  }

  #sameObject(range: Range): boolean {
    return this.#store.objectAt(range.partition, range.first)?.last === range.last
  }

  async #tip(partition: PartitionRef, epoch: bigint): Promise<Tip> {
    await this.#ask()
    if (this.#store.exclusion !== 'create_only') await this.#outlive(partition, (other) => other === epoch)
    const tip = this.#store.tip(partition)
    await this.#wire.hop()
    return tip
  }

  /** Until no write under these epochs can take effect any more. */
  async #outlive(partition: PartitionRef, concerns: (epoch: bigint) => boolean): Promise<void> {
    for (let patience = this.#faults.kills() ? 0 : 20; ; patience--) {
      const running = this.#store.running(partition, concerns)
      if (running.length === 0) return
      if (patience <= 0) for (const write of running) this.#store.kill(write)
      await this.#wire.storeWork()
    }
  }

  async #ask(): Promise<void> {
    const fails = this.#faults.ask()
    await this.#wire.hop()
    if (fails) throw ambiguous()
    await this.#wire.storeWork()
  }

  /** The mistake of leases: true now, and no longer when the write arrives. */
  #leaseIsOver(deliveries: readonly Delivery[]): boolean {
    if (this.#store.exclusion !== 'deadline') return false
    return deliveries.some(({ claim }) => this.#known(claim).until <= this.#wire.now())
  }

  /** The process learns of the failure when it can: not while it is frozen. */
  async #broken(): Promise<never> {
    await this.#wire.hop()
    throw ambiguous()
  }

  #epochOf(claim: Claim): bigint {
    return this.#known(claim).epoch
  }

  #known(claim: Claim): FakeClaim {
    const known = this.#claims.get(claim)
    if (known === undefined) {
      throw new DaybookError(
        'DAYBOOK_TEST_FOREIGN_CLAIM',
        `no claim of this sink: ${partitionKey(claim.partition)}`,
      )
    }
    return known
  }
}

function ambiguous(): DaybookError {
  return new DaybookError('DAYBOOK_TEST_UNAVAILABLE', 'the fake store does not answer', { retryable: true })
}

function recreated(partition: PartitionRef): DaybookError {
  return new DaybookError('DAYBOOK_TEST_TOPIC_RECREATED', `topic ${partition.topic} has another id now`)
}

import type { SendOutcome, Transport } from '../../../../producers/sdk/src/delivery/transport.ts'
import type { Entry } from '../../../../producers/sdk/src/spool/entry.ts'
import { ByteReader } from '../../../../schemas/bytes.ts'
import { DaybookError } from '../../../../schemas/errors.ts'
import { HEADER_BYTES } from '../../../../schemas/wire.ts'

/** Takes events in memory. `online = false`: nothing is acknowledged. */
export class FakeTransport implements Transport {
  readonly name = 'fake'
  readonly defaultRetention = 'standard'
  readonly sent: Entry[] = []
  online = true
  attempts = 0
  onSend: () => void = () => {}
  /** Entries for which the broker says that it never takes them. */
  rejects: (entry: Entry) => boolean = () => false

  accepts(retention: string): boolean {
    return retention === 'standard' || retention === 'hipaa'
  }

  open() {
    return {
      lanes: 2,
      maxBatchBytes: 100_000,
      maxBatchRecords: 100,
      send: (_lane: number, batch: readonly Entry[]) => this.#send(batch),
      close: () => Promise.resolve(),
    }
  }

  /** Sequence numbers in the order of acknowledgement. */
  get sequences(): number[] {
    return this.sent.map(({ sequence }) => sequence)
  }

  get actions(): string[] {
    return this.sent.map(actionOf)
  }

  async #send(batch: readonly Entry[]): Promise<SendOutcome> {
    this.attempts++
    this.onSend()
    await new Promise((resolve) => setImmediate(resolve))
    if (!this.online) {
      return {
        kind: 'failed',
        error: new DaybookError('DAYBOOK_SDK_BROKER_UNAVAILABLE', 'down', { retryable: true }),
      }
    }
    const rejected = batch.filter(this.rejects)
    this.sent.push(...batch.filter((entry) => !rejected.includes(entry)))
    const error = new DaybookError('DAYBOOK_SDK_RECORD_REJECTED', 'too large')
    return { kind: 'acknowledged', rejected: rejected.map((entry) => ({ entry, error })), clock: null }
  }
}

/** The fields of an encoded event up to its action. */
export function actionOf(entry: { readonly value: Buffer }): string {
  const reader = new ByteReader(entry.value, HEADER_BYTES)
  reader.readString()
  reader.readString()
  reader.readLong()
  if (reader.readLong() === 1) reader.readLong()
  return reader.readString()
}

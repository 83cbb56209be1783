import type { Checker, SourceRecord, Verdict } from '../../../consumers/engine/contracts.ts'
import { DaybookError } from '../../../schemas/errors.ts'

export interface FakeCheckerOptions {
  /** The registry cannot be reached now. */
  readonly isDown?: () => boolean
  readonly hop?: () => Promise<void>
}

/** Knows values made by `goodValue` and `badValue`: 0x00, four bytes of schema id, then 1 for a good payload. */
export class FakeChecker implements Checker {
  readonly #options: FakeCheckerOptions

  constructor(options: FakeCheckerOptions = {}) {
    this.#options = options
  }

  async prepare(): Promise<void> {
    await this.#options.hop?.()
    if (this.#options.isDown?.() === true) {
      throw new DaybookError('DAYBOOK_TEST_UNAVAILABLE', 'the fake registry is down', { retryable: true })
    }
  }

  check({ value, fault }: SourceRecord): Verdict {
    if (fault !== null) return { kind: 'bad', ...fault, schemaId: null }
    if (value === null) return { kind: 'tombstone' }
    if (value.length < 6 || value[0] !== 0) {
      return { kind: 'bad', code: 'NOT_WIRE_FORMAT', reason: 'no magic byte', schemaId: null }
    }
    const schemaId = value.readUInt32BE(1)
    if (value[5] === 1) return { kind: 'event', schemaId, payloadStart: 5 }
    return { kind: 'bad', code: 'MALFORMED', reason: 'the payload says so', schemaId }
  }
}

export function goodValue(schemaId: number, payload = ''): Buffer {
  return fakeValue(schemaId, 1, payload)
}

export function badValue(schemaId: number, payload = ''): Buffer {
  return fakeValue(schemaId, 0, payload)
}

function fakeValue(schemaId: number, good: number, payload: string): Buffer {
  const head = Buffer.alloc(6)
  head.writeUInt32BE(schemaId, 1)
  head[5] = good
  return Buffer.concat([head, Buffer.from(payload)])
}

import type { CheckedRecord, PartitionRef } from '../contracts.ts'
import { decodeRegression } from '../faults.ts'
import type { EngineLimits } from '../options.ts'

interface SchemaHistory {
  decoded: boolean
  failedInARow: number
  /** The window that is being filled, and the one before: together at least one whole window. */
  seen: number
  failed: number
  seenBefore: number
  failedBefore: number
}

export type CircuitLimits = Pick<EngineLimits, 'regressionInARow' | 'regressionRatio' | 'regressionWindow'>

/**
 * Tells a broken producer from a broken worker. Bad records of a schema id that never decoded are the producer's
 * fault and go to quarantine, however many; when the records of an id that did decode suddenly fail, the worker is
 * the suspect, and must stop before it has emptied the topic into quarantine.
 */
export class DecodeCircuit {
  readonly #limits: CircuitLimits
  readonly #schemas = new Map<number, SchemaHistory>()

  constructor(limits: CircuitLimits) {
    this.#limits = limits
  }

  /** @throws DaybookError DAYBOOK_ENGINE_DECODE_REGRESSION. */
  observe(partition: PartitionRef, { record, verdict }: CheckedRecord): void {
    if (verdict.kind === 'tombstone' || verdict.schemaId === null) return
    if (verdict.kind === 'bad' && verdict.code === 'OVERSIZED') return
    const history = this.#history(verdict.schemaId)
    const failed = verdict.kind === 'bad'
    if (!failed) history.decoded = true
    history.failedInARow = failed ? history.failedInARow + 1 : 0
    this.#count(history, failed)
    if (failed && history.decoded && this.#isOut(history)) {
      throw decodeRegression(partition, record.offset, verdict.schemaId)
    }
  }

  #history(schemaId: number): SchemaHistory {
    const known = this.#schemas.get(schemaId)
    if (known !== undefined) return known
    // Bounded: a producer may send any number of ids. What is forgotten first is an id that never decoded.
    if (this.#schemas.size >= MAX_SCHEMAS) this.#forgetOne()
    const fresh = { decoded: false, failedInARow: 0, seen: 0, failed: 0, seenBefore: 0, failedBefore: 0 }
    this.#schemas.set(schemaId, fresh)
    return fresh
  }

  #forgetOne(): void {
    for (const [id, history] of this.#schemas) {
      if (!history.decoded) {
        this.#schemas.delete(id)
        return
      }
    }
  }

  #count(history: SchemaHistory, failed: boolean): void {
    history.seen++
    if (failed) history.failed++
    if (history.seen < this.#limits.regressionWindow) return
    history.seenBefore = history.seen
    history.failedBefore = history.failed
    history.seen = 0
    history.failed = 0
  }

  #isOut(history: SchemaHistory): boolean {
    if (history.failedInARow >= this.#limits.regressionInARow) return true
    const seen = history.seen + history.seenBefore
    const failed = history.failed + history.failedBefore
    return seen >= this.#limits.regressionWindow && failed / seen >= this.#limits.regressionRatio
  }
}

const MAX_SCHEMAS = 10_000

import type { AuditLog } from '../../producers/sdk/src/index.ts'
import { quantile } from '../measure/stats.ts'
import type { Emission } from './inputs.ts'

const BURST = 10

export interface EmitCost {
  readonly p50Us: number
  readonly p99Us: number
  readonly p999Us: number
  readonly maxUs: number
  /** Of the first emit of each burst, which finds the processor's caches cold. */
  readonly firstOfBurstP50Us: number
}

/** The synchronous cost of emit, in bursts of ten with the event loop free between them (some 5,000 events/s). */
export async function emitCost(audit: AuditLog, emissions: readonly Emission[]): Promise<EmitCost> {
  const took: number[] = []
  const first: number[] = []
  for (const [i, { action, input }] of emissions.entries()) {
    const started = performance.now()
    audit.emit(action, input)
    const tookUs = (performance.now() - started) * 1_000
    took.push(tookUs)
    if (i % BURST === 0) first.push(tookUs)
    if (i % BURST === BURST - 1) await new Promise((resolve) => setTimeout(resolve, 1))
  }
  took.sort((a, b) => a - b)
  first.sort((a, b) => a - b)
  return {
    p50Us: quantile(took, 0.5),
    p99Us: quantile(took, 0.99),
    p999Us: quantile(took, 0.999),
    maxUs: quantile(took, 1),
    firstOfBurstP50Us: quantile(first, 0.5),
  }
}

/** Emits as fast as the event loop allows and waits for the last acknowledgement; events per second. */
export async function acknowledgedRate(audit: AuditLog, emissions: readonly Emission[]): Promise<number> {
  const started = performance.now()
  for (const [i, { action, input }] of emissions.entries()) {
    audit.emit(action, input)
    if (i % 100 === 99) await new Promise((resolve) => setImmediate(resolve))
  }
  if (!(await audit.flush({ timeoutMs: 60_000 }))) throw new Error('not everything was acknowledged in 60 s')
  return emissions.length / ((performance.now() - started) / 1_000)
}

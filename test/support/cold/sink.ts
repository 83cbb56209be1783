import type { ColdContext, ColdSinkOptions, TamperingReport } from '../../../consumers/cold/options.ts'
import { generateSigningKey, nodeCrypto, signerFromPem } from '../../../proof/node.ts'
import type { Clock } from '../../../runtime/clock.ts'
import { systemClock } from '../../../runtime/clock.ts'
import { noFailpoints } from '../../../runtime/failpoints.ts'
import type { ObjectStore } from '../../../runtime/object-store/contract.ts'
import { logIdOf } from '../../../schemas/archive/key.ts'
import { catalogueOf, FIRST_MINUTE } from './ranges.ts'

export const DAY_MS = 86_400_000

/** Stands shortly after the records of `eventRecords`, and lets time pass as usual. */
export const testClock: Clock = { ...systemClock, now: () => FIRST_MINUTE + 10 * 60_000 }

/** A context over `store` with a key of its own. */
export function coldContext(store: ObjectStore, tampering: TamperingReport[] = []): ColdContext {
  return {
    store,
    logIdOf: (ref) =>
      logIdOf({ ...ref, org: 'acme', environment: 'test', clusterId: 'MkU3OEVBNTcwNTJENDM2Qg' }),
    signer: signerFromPem(generateSigningKey().privatePem),
    crypto: nodeCrypto,
    retentionMsOf: () => 3650 * DAY_MS,
    clock: testClock,
    onTampering: (report) => tampering.push(report),
  }
}

export function coldOptions(context: ColdContext, changes: Partial<ColdSinkOptions> = {}): ColdSinkOptions {
  return { ...context, catalogue: catalogueOf(), failpoints: noFailpoints, readerVersion: 1, ...changes }
}

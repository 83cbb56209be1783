import type { HostileCase } from '../hostile-case.ts'
import { BATCH_CASES } from './batches.ts'
import { TRANSACTION_CASES } from './transactions.ts'

/** Every case, in the order in which they are played. */
export const CASES: readonly HostileCase[] = [...BATCH_CASES, ...TRANSACTION_CASES]

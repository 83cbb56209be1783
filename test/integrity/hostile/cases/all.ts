import type { HostileCase } from '../hostile-case.ts'
import { BATCH_CASES } from './batches.ts'
import { FLOOD_CASES } from './floods.ts'
import { QUARANTINE_CASES } from './quarantine.ts'
import { RATE_CASES } from './rate.ts'
import { RECORD_CASES } from './records.ts'
import { TRANSACTION_CASES } from './transactions.ts'

/** Every case, in the order in which they are played. */
export const CASES: readonly HostileCase[] = [
  ...BATCH_CASES,
  ...RECORD_CASES,
  ...FLOOD_CASES,
  ...QUARANTINE_CASES,
  ...TRANSACTION_CASES,
  ...RATE_CASES,
]

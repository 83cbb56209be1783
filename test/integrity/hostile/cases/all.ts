import type { HostileCase } from '../hostile-case.ts'
import { BATCH_CASES } from './batches.ts'
import { BLOATED_CASES } from './bloated.ts'
import { EXTREME_CASES } from './extremes.ts'
import { FLOOD_CASES } from './floods.ts'
import { GROUP_CASES } from './groups.ts'
import { ID_CASES } from './ids.ts'
import { QUARANTINE_CASES } from './quarantine.ts'
import { RATE_CASES } from './rate.ts'
import { RECORD_CASES } from './records.ts'
import { REGISTRY_CASES } from './registry.ts'
import { REGISTRY_AMPLIFIED_CASES } from './registry-amplified.ts'
import { REGISTRY_STATE_CASES } from './registry-state.ts'
import { REQUEST_CASES } from './requests.ts'
import { SETTINGS_CASES } from './settings.ts'
import { TOPIC_CASES } from './topics.ts'
import { TRANSACTION_CASES } from './transactions.ts'
import { VOLUME_CASES } from './volume.ts'

/** Every case, in the order in which they are played. */
export const CASES: readonly HostileCase[] = [
  ...BATCH_CASES,
  ...BLOATED_CASES,
  ...RECORD_CASES,
  ...EXTREME_CASES,
  ...FLOOD_CASES,
  ...QUARANTINE_CASES,
  ...TRANSACTION_CASES,
  ...VOLUME_CASES,
  ...REQUEST_CASES,
  ...ID_CASES,
  ...RATE_CASES,
  ...REGISTRY_CASES,
  ...REGISTRY_AMPLIFIED_CASES,
  ...REGISTRY_STATE_CASES,
  ...SETTINGS_CASES,
  ...TOPIC_CASES,
  ...GROUP_CASES,
]

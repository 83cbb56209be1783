import type { HostileCase } from '../hostile-case.ts'
import { BYTE_CASES } from './bytes.ts'
import { GROUP_CASES } from './groups.ts'
import { REGISTRY_CASES } from './registry.ts'
import { REGISTRY_STATE_CASES } from './registry-state.ts'
import { SETTINGS_CASES } from './settings.ts'
import { TOPIC_CASES } from './topics.ts'

/** Every case, in the order in which they are played. */
export const CASES: readonly HostileCase[] = [
  ...BYTE_CASES,
  ...REGISTRY_CASES,
  ...REGISTRY_STATE_CASES,
  ...SETTINGS_CASES,
  ...TOPIC_CASES,
  ...GROUP_CASES,
]

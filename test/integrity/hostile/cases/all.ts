import type { HostileCase } from '../hostile-case.ts'
import { BYTE_CASES } from './bytes.ts'
import { REGISTRY_CASES } from './registry.ts'
import { SETTINGS_CASES } from './settings.ts'
import { TOPIC_CASES } from './topics.ts'

/** Every case, in the order in which they are played. */
export const CASES: readonly HostileCase[] = [...BYTE_CASES, ...REGISTRY_CASES, ...SETTINGS_CASES]

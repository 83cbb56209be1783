import type { HostileCase } from '../hostile-case.ts'
import { BYTE_CASES } from './bytes.ts'

/** Every case, in the order in which they are played. */
export const CASES: readonly HostileCase[] = [...BYTE_CASES]

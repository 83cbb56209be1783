import type { PartitionRef } from './contracts.ts'

/** A partition that cannot go on truthfully. The others go on. */
export interface StoppedPartition {
  readonly partition: PartitionRef
  /** The code of the error that stopped it; `unknown` for an error that is none of ours. */
  readonly code: string
  /** What is wrong and what to do. Never holds payloads. */
  readonly message: string
  /** Milliseconds since the Unix epoch; the same while the cause is the same. */
  readonly since: number
  /** How often it was tried in vain. */
  readonly attempts: number
}

import { DaybookError } from '../../schemas/errors.ts'
import type { LogBounds, PartitionRef, Unsettled, Verdict } from './contracts.ts'

const where = (ref: PartitionRef) => `${ref.topic} (${ref.topicId}) partition ${ref.partition}`

const details = (ref: PartitionRef) => ({
  topic: ref.topic,
  topicId: ref.topicId,
  partition: ref.partition,
})

/** Offsets `first`..`last` are wanted, and Kafka no longer has them. */
export function logLost(ref: PartitionRef, first: bigint, last: bigint): DaybookError {
  return new DaybookError(
    'DAYBOOK_ENGINE_LOG_LOST',
    `Offsets ${first}..${last} of ${where(ref)} are in neither the store nor Kafka. ` +
      `If they are lost for good, record that with \`daybook offsets accept-gap\` (with --holes, all holes of a log at once): the partition then goes on by itself.`,
    { details: { ...details(ref), first, last } },
  )
}

/** The store holds more than the log has. */
export function tipBeyondLog(ref: PartitionRef, tip: bigint, bounds: LogBounds): DaybookError {
  return new DaybookError(
    'DAYBOOK_ENGINE_TIP_BEYOND_LOG',
    `The store holds offset ${tip} of ${where(ref)}, but its log ends before ${bounds.logEnd}. ` +
      `Kafka lost acknowledged records, or this is another cluster: find out which before starting again.`,
    { details: { ...details(ref), tip, logStart: bounds.logStart, logEnd: bounds.logEnd } },
  )
}

/** The store and the log disagree about a record, or the store about itself. */
export function tipContradicted(ref: PartitionRef, offset: bigint, what: string): DaybookError {
  return new DaybookError(
    'DAYBOOK_ENGINE_TIP_CONTRADICTED',
    `At offset ${offset} of ${where(ref)} ${what}. ` +
      `Nothing more is written before an operator has compared the store with Kafka.`,
    { details: { ...details(ref), offset } },
  )
}

/** A record that is an event for the store, or for the second reader, does not decode. */
export function decodeRegression(ref: PartitionRef, offset: bigint, schemaId: number | null): DaybookError {
  return new DaybookError(
    'DAYBOOK_ENGINE_DECODE_REGRESSION',
    `The record of schema id ${schemaId ?? 'unknown'} at offset ${offset} of ${where(ref)} is an event, but this program does not decode it. ` +
      `It is not sent to quarantine, since the fault is this program's: roll back, or install a version that decodes it.`,
    { details: { ...details(ref), offset, schemaId } },
  )
}

/** What it holds and cannot deliver leaves the others no memory. */
export function gaveWay(ref: PartitionRef): DaybookError {
  return new DaybookError(
    'DAYBOOK_ENGINE_GAVE_WAY',
    `Deliveries of ${where(ref)} fail, and what was taken in of it left no memory to the others: it was given up, and is read again after a pause. ` +
      `The log says why they fail ("trying again").`,
    { details: details(ref) },
  )
}

/** The verdict on the record at `offset`. @throws DaybookError where the partition must not go on past that record. */
export function settled(ref: PartitionRef, offset: bigint, verdict: Verdict | Unsettled): Verdict {
  if (verdict.kind === 'disputed') throw decodeRegression(ref, offset, verdict.schemaId)
  if (verdict.kind === 'newer') throw schemaNewer(ref, offset, verdict.schemaId)
  return verdict
}

function schemaNewer(ref: PartitionRef, offset: bigint, schemaId: number): DaybookError {
  return new DaybookError(
    'DAYBOOK_SCHEMA_NEWER_THAN_WORKER',
    `From offset ${offset} on, ${where(ref)} has records of schema ${schemaId}, which has fields or symbols that this version does not know. Install a version that does and migrate: the partition then goes on by itself; nothing was skipped.`,
    { details: { ...details(ref), offset, schemaId } },
  )
}

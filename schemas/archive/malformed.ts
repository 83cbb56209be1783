import { DaybookError } from '../errors.ts'

/** `what` locates the fault (field, offset) and holds no event data. */
export function malformedObject(what: string, cause?: unknown): DaybookError {
  return new DaybookError('DAYBOOK_ARCHIVE_MALFORMED', `Not a valid archive object: ${what}.`, { cause })
}

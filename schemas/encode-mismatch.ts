import { DaybookError } from './errors.ts'

/** The value itself never appears: it may be personal data. */
export function mismatch(field: string, expected: string): DaybookError {
  return new DaybookError('DAYBOOK_EVENT_UNENCODABLE', `Field ${field} of the event is not ${expected}.`, {
    details: { field },
  })
}

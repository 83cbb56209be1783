import { DaybookError } from '../../../../schemas/errors.ts'
import type { ProblemReport } from '../problems.ts'

const NONE: readonly ProblemReport[] = Object.freeze([])

/** Collects what is wrong with one event; under `throw` the first finding is thrown instead. */
export class Findings {
  readonly #throwing: boolean
  #list: ProblemReport[] | null = null

  constructor(onInvalid: 'record' | 'throw') {
    this.#throwing = onInvalid === 'throw'
  }

  get list(): readonly ProblemReport[] {
    return this.#list ?? NONE
  }

  get found(): boolean {
    return this.#list !== null
  }

  /** An optional field was cut. */
  cut(field: string, why: string): void {
    this.#add('DAYBOOK_SDK_FIELD_INVALID', field, `Field \`${field}\` ${why}; it was left out of the event.`)
  }

  /** A value was kept in a changed form. */
  replaced(field: string, why: string): void {
    this.#add(
      'DAYBOOK_SDK_FIELD_INVALID',
      field,
      `Field \`${field}\` ${why}; it was recorded in a changed form.`,
    )
  }

  /** A field that every event needs is missing or unusable; the event is recorded without it. */
  missing(field: string, why: string): void {
    this.#add(
      'DAYBOOK_SDK_FIELD_REQUIRED',
      field,
      `Field \`${field}\` ${why}; the event was recorded without it.`,
    )
  }

  oversized(bytes: number, maxBytes: number): void {
    const message = `The event takes ${bytes} bytes, at most ${maxBytes} are allowed (\`maxEventBytes\`); it was recorded without its large fields.`
    this.#add('DAYBOOK_SDK_EVENT_OVERSIZED', 'event', message)
  }

  #add(code: ProblemReport['code'], field: string, message: string): void {
    if (this.#throwing) throw new DaybookError(code, message, { details: { field } })
    this.#list ??= []
    this.#list.push({ code, field, message })
  }
}

import { DaybookError } from '../schemas/errors.ts'

/** The command line is wrong: `what` `why`. */
export function usageError(what: string, why: string): DaybookError {
  return new DaybookError('DAYBOOK_CLI_USAGE', `${what} ${why}. \`--help\` shows how the command is used.`)
}

/** Of an option that takes an offset, a partition, a count. */
export function wholeNumber(option: string): (text: string) => number {
  return (text) => {
    const value = Number(text)
    if (!/^\d+$/.test(text) || !Number.isSafeInteger(value))
      throw usageError(`${option} ${text}`, 'is no whole number')
    return value
  }
}

export function offset(option: string): (text: string) => bigint {
  return (text) => {
    if (!/^\d{1,19}$/.test(text)) throw usageError(`${option} ${text}`, 'is no offset')
    return BigInt(text)
  }
}

/** Milliseconds since the Unix epoch, of `2026-11-21`, `2026-11-21T10:00Z` and the like; UTC where no zone is given. */
export function time(option: string): (text: string) => number {
  return (text) => {
    const hasZone = /(Z|[+-]\d\d:?\d\d)$/i.test(text) || !text.includes('T')
    const value = /^\d{4}-\d\d-\d\d/.test(text) ? Date.parse(hasZone ? text : `${text}Z`) : Number.NaN
    if (Number.isNaN(value))
      throw usageError(`${option} ${text}`, 'is no time like 2026-11-21 or 2026-11-21T10:00Z')
    return value
  }
}

/** Of an option that may be repeated. */
export function collect(text: string, known: readonly string[]): readonly string[] {
  return [...known, text]
}

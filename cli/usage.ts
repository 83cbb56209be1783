import { Option } from 'commander'
import { DaybookError } from '../schemas/errors.ts'
import { isUuidText } from '../schemas/skip-runtime.ts'

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

/** A UUID in lower case, as events have it. */
export function uuid(option: string): (text: string) => string {
  return (text) => {
    const bytes = Buffer.from(text)
    if (!isUuidText(bytes, 0, bytes.length))
      throw usageError(`${option} ${text}`, 'is no UUID like 0199f3c2-7c1a-7000-8000-0000000000aa')
    return text.toLowerCase()
  }
}

/** An option that may be repeated; an empty list where it is not given, of which help says what it stands for. */
export function repeatable(flags: string, text: string, without: string): Option {
  return new Option(flags, `${text}; may be repeated`)
    .argParser((value: string, known: readonly string[]) => [...known, value])
    .default([], without)
}

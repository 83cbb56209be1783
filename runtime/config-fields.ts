import type { ConfigField } from './config.ts'

/** The kinds of keys that occur. Each parser's message completes "<key> …" and never repeats a secret. */
interface Described<T> {
  readonly env: ConfigField<T>['env']
  readonly help: string
  readonly example: string
}

type Parse<T> = (text: string) => T

function required<T>(described: Described<T>, parse: Parse<T>, isSecret = false): ConfigField<T> {
  const fallback = (): T => {
    throw new Error('is required')
  }
  return { ...described, isSecret, isRequired: true, fallbackText: null, parse, fallback }
}

function optional<T>(
  described: Described<T>,
  fallback: T,
  parse: Parse<T>,
  isSecret = false,
): ConfigField<T> {
  const fallbackText = fallback === null ? null : String(fallback)
  return { ...described, isSecret, isRequired: false, fallbackText, parse, fallback: () => fallback }
}

const asText: Parse<string> = (text) => text

export const textField = (d: Described<string>) => required(d, asText)
export const textOrNull = (d: Described<string | null>) => optional<string | null>(d, null, asText)
export const textWithDefault = (d: Described<string>, fallback: string) => optional(d, fallback, asText)
export const secretOrNull = (d: Described<string | null>) => optional<string | null>(d, null, asText, true)

export function booleanField(described: Described<boolean>, fallback: boolean): ConfigField<boolean> {
  return optional(described, fallback, (text) => {
    if (text === 'true') return true
    if (text === 'false') return false
    throw new Error('must be true or false')
  })
}

export function integerField(
  described: Described<number>,
  bounds: { readonly min: number; readonly max: number; readonly fallback: number },
): ConfigField<number> {
  const { min, max, fallback } = bounds
  return optional(described, fallback, (text) => {
    const value = Number(text)
    if (/^\d+$/.test(text) && value >= min && value <= max) return value
    throw new Error(`must be a whole number from ${min} to ${max}`)
  })
}

export function urlField(described: Described<string>): ConfigField<string> {
  return required(described, parseUrl)
}

export function urlOrNull(described: Described<string | null>): ConfigField<string | null> {
  return optional<string | null>(described, null, parseUrl)
}

function parseUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : null
  if (url === null || !/^https?:$/.test(url.protocol)) throw new Error('must be an http or https URL')
  if (url.username !== '' || url.password !== '') {
    throw new Error('must not hold credentials: they have keys of their own')
  }
  return text.replace(/\/$/, '')
}

export function listField(described: Described<readonly string[]>): ConfigField<readonly string[]> {
  return required(described, parseList)
}

export function listWithDefault(
  described: Described<readonly string[]>,
  fallback: readonly string[],
): ConfigField<readonly string[]> {
  return { ...optional(described, fallback, parseList), fallbackText: fallback.join(',') }
}

function parseList(text: string): readonly string[] {
  const items = text.split(',').map((item) => item.trim())
  if (items.some((item) => item === '')) throw new Error('must be a list separated by single commas')
  if (new Set(items).size !== items.length) throw new Error('names an item twice')
  return items
}

export function choiceField<const C extends string>(
  described: Described<C>,
  choices: readonly C[],
  fallback: C,
): ConfigField<C> {
  return optional(described, fallback, (text) => choose(text, choices))
}

export function choiceOrNull<const C extends string>(
  described: Described<C | null>,
  choices: readonly C[],
): ConfigField<C | null> {
  return optional<C | null>(described, null, (text) => choose(text, choices))
}

function choose<C extends string>(text: string, choices: readonly C[]): C {
  const found = choices.find((choice) => choice === text)
  if (found === undefined) throw new Error(`must be one of ${choices.join(', ')}`)
  return found
}

/** `standard=365d,hipaa=2190d`: days by class. */
export function daysByClassField(
  described: Described<ReadonlyMap<string, number>>,
  fallback: string,
): ConfigField<ReadonlyMap<string, number>> {
  const field = optional(described, parseDays(fallback), parseDays)
  return { ...field, fallbackText: fallback }
}

function parseDays(text: string): ReadonlyMap<string, number> {
  const days = new Map<string, number>()
  for (const item of parseList(text)) {
    const [, name, count] = /^([a-z0-9][a-z0-9_-]*)=([1-9]\d{0,4})d$/.exec(item) ?? []
    if (name === undefined || count === undefined || days.has(name)) {
      throw new Error('must be <class>=<days>d for each class once, such as standard=365d,hipaa=2190d')
    }
    days.set(name, Number(count))
  }
  return days
}

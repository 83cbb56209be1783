import { readFileSync } from 'node:fs'
import { DaybookError } from '../schemas/errors.ts'

/** One key of the environment. The same table reads the configuration and makes its documentation. */
export interface ConfigField<T> {
  readonly env: `DAYBOOK_${Uppercase<string>}`
  /** One sentence, with the unit. */
  readonly help: string
  /** As documentation shows it: `8080`, `https://…`. */
  readonly example: string
  /** May stand in the file that `<env>_FILE` names instead. Never shown. */
  readonly isSecret: boolean
  readonly isRequired: boolean
  /** The default, as it would be written in the environment; null: there is none. */
  readonly fallbackText: string | null
  /** @throws Error whose message completes "<env> …" */
  readonly parse: (text: string) => T
  readonly fallback: () => T
}

export type ConfigFields = Readonly<Record<string, ConfigField<unknown>>>
export type ConfigOf<F extends ConfigFields> = {
  readonly [K in keyof F]: F[K] extends ConfigField<infer T> ? T : never
}

/** A rule over several keys; the message names the keys and the remedy. */
export type ConfigRule<F extends ConfigFields> = (config: ConfigOf<F>) => string | null

export type Environment = Readonly<Record<string, string | undefined>>

/**
 * Reads all keys of `fields`, then checks `rules`.
 * @throws DaybookError DAYBOOK_CONFIG_INVALID that names every fault at once
 */
export function readConfig<F extends ConfigFields>(
  fields: F,
  env: Environment,
  rules: readonly ConfigRule<F>[] = [],
): ConfigOf<F> {
  const faults: string[] = []
  const values = Object.fromEntries(
    Object.entries(fields).map(([name, field]) => [name, readField(field, env, faults)]),
  )
  if (faults.length > 0) throw invalid(faults)
  // Every field was parsed without a fault, so each value is what its field's `parse` or `fallback` returns.
  const config = values as ConfigOf<F>
  const broken = rules.map((rule) => rule(config)).filter((fault) => fault !== null)
  if (broken.length > 0) throw invalid(broken)
  return config
}

function invalid(faults: readonly string[]): DaybookError {
  return new DaybookError(
    'DAYBOOK_CONFIG_INVALID',
    `the configuration has ${faults.length} fault${faults.length === 1 ? '' : 's'}:\n  ${faults.join('\n  ')}`,
    { scope: 'worker', details: { faults: faults.length } },
  )
}

function readField(field: ConfigField<unknown>, env: Environment, faults: string[]): unknown {
  const text = rawText(field, env, faults)
  if (text === undefined) {
    if (field.isRequired) faults.push(`${field.env} is not set: ${field.help} Example: ${field.example}`)
    return field.isRequired ? undefined : field.fallback()
  }
  try {
    return field.parse(text)
  } catch (error) {
    faults.push(`${field.env} ${error instanceof Error ? error.message : 'cannot be read'}`)
    return undefined
  }
}

/** Undefined: not set (an empty value counts as not set), or faulty and reported. */
function rawText({ env: key, isSecret }: ConfigField<unknown>, env: Environment, faults: string[]) {
  const direct = env[key] === '' ? undefined : env[key]
  const path = isSecret && env[`${key}_FILE`] !== '' ? env[`${key}_FILE`] : undefined
  if (path === undefined) return direct
  if (direct !== undefined) faults.push(`${key} and ${key}_FILE are both set: keep one`)
  try {
    return readFileSync(path, 'utf8').replace(/\r?\n$/, '')
  } catch {
    faults.push(`${key}_FILE names ${path}, which cannot be read: check the path and its permissions`)
    return undefined
  }
}

/** A Markdown table of the keys, in their order. */
export function configTable(fields: ConfigFields): string {
  const rows = Object.values(fields).map((field) => {
    const key = field.isSecret ? `\`${field.env}\` or \`${field.env}_FILE\`` : `\`${field.env}\``
    const fallback = field.isRequired ? 'required' : (field.fallbackText ?? 'unset')
    return `| ${key} | ${field.help} | ${fallback} | \`${field.example}\` |`
  })
  return ['| key | meaning | default | example |', '|---|---|---|---|', ...rows].join('\n')
}

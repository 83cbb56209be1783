import { readFileSync } from 'node:fs'
import { DaybookError } from '../schemas/errors.ts'

export interface ConfigFileOptions<T> {
  /** The key of the environment that names the file. */
  readonly env: `DAYBOOK_${Uppercase<string>}`
  readonly file: string
  /** What is to stand in it: completes "must hold …". */
  readonly holds: string
  /** How to come by one, in a sentence. */
  readonly remedy: string
  /** @throws where the text is not that */
  readonly parse: (text: string) => T
}

/**
 * Reads a file that the configuration names. Its text stands in no error.
 * @throws DaybookError DAYBOOK_CONFIG_INVALID that names key, file and remedy; of a worker its own
 */
export function readConfigFile<T>({ env, file, holds, remedy, parse }: ConfigFileOptions<T>): T {
  const invalid = (why: string, cause: unknown) =>
    new DaybookError('DAYBOOK_CONFIG_INVALID', `${env} names ${file}, which ${why}. ${remedy}`, {
      scope: 'worker',
      cause,
      details: { key: env, file },
    })
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unknown'
    throw invalid(`cannot be read (${code}): check the path and that this user may read it`, cause)
  }
  try {
    return parse(text)
  } catch (cause) {
    throw invalid(`must hold ${holds}`, cause)
  }
}

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { COLD_FIELDS, HOT_FIELDS, WORKER_FIELDS } from '../../../runtime/worker-config.ts'
import { commandOptions } from './commands.ts'
import { FILES, ROOT, SOURCES } from './texts.ts'

function all(texts: readonly string[], pattern: RegExp): readonly string[] {
  return texts.flatMap((text) => [...text.matchAll(pattern)].flatMap(([, name]) => name ?? []))
}

function readText(file: string): string {
  return readFileSync(join(ROOT, file), 'utf8')
}

const fields = [WORKER_FIELDS, HOT_FIELDS, COLD_FIELDS].flatMap((table) => Object.values(table))

/** Environment variables: the workers' fields, and what other code reads by name. */
export const VARIABLES: ReadonlySet<string> = new Set([
  ...fields.flatMap(({ env, isSecret }) => (isSecret ? [env, `${env}_FILE`] : [env])),
  ...all(
    SOURCES.map(({ text }) => text),
    /(?:\benv(?:\[['"]|\.)|_VARIABLE = ')(DAYBOOK_[A-Z0-9_]+)/g,
  ),
])

export const ERROR_CODES: ReadonlySet<string> = new Set(
  FILES.filter((file) => /^docs\/errors\/.*\.md$/.test(file)).map((file) => file.slice(12, -3)),
)

/** Options of every program of the repository, as `--json`. */
export const OPTIONS: ReadonlySet<string> = new Set([
  ...commandOptions(),
  '--help',
  '--version',
  ...process.allowedNodeEnvironmentFlags,
  // What a program compares its arguments with, or declares for `parseArgs`.
  ...all(
    SOURCES.map(({ text }) => text),
    /['"](--[a-z][a-z-]*)['"]/g,
  ),
  ...all(
    SOURCES.map(({ text }) => text),
    /^\s*'?([a-z][a-z-]*)'?: \{ type: '(?:string|boolean)'/gm,
  ).map((name) => `--${name}`),
])

/** Options of the SDK's public functions. */
export const SDK_OPTIONS: ReadonlySet<string> = new Set(
  all(
    ['producers/sdk/src/audit-log.ts', 'producers/sdk/src/kafka/kafka-options.ts'].map(readText),
    /readonly (\w+)\??:/g,
  ),
)

/** Kafka's settings that Daybook checks or tells to set. */
export const KAFKA_SETTINGS: ReadonlySet<string> = new Set(
  all(
    [readText('infra/kafka/topics.md'), readText('consumers/kafka/topics/topic-rules.ts')],
    /\b([a-z]+(?:\.[a-z]+)+)\b/g,
  ),
)

/** Scripts of the root and of the packages in it. */
export const SCRIPTS: ReadonlySet<string> = new Set(
  FILES.filter((file) => /(^|\/)package\.json$/.test(file)).flatMap((file) =>
    Object.keys((JSON.parse(readText(file)) as { scripts?: object }).scripts ?? {}),
  ),
)

/** Users and roles of ClickHouse, whose names look like metrics. */
export const DATABASE_NAMES: ReadonlySet<string> = new Set(
  all([readText('schemas/sql/roles.sql')], /\b(daybook_[a-z_]+)\b/g),
)

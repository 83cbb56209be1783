import { migrateHotStore } from '../../operations/event-schema.ts'
import { registerSchema } from '../../operations/registry-admin.ts'
import { askRegistry, type RegistryAccess } from '../../runtime/registry-http.ts'
import { AUDIT_EVENT_SCHEMA_TEXT } from '../../schemas/generated/audit-event.ts'
import { type CommandContext, type Register, writeAnswer } from '../command.ts'
import { NEEDS, settingsOf } from '../configuration.ts'

const TIMEOUT_MS = 10_000

interface RegisterOptions {
  readonly dryRun?: true
  readonly json?: true
}

/** `daybook schema register` */
export const registerSchemaCommands: Register = (program, context) => {
  const schema = program
    .command('schema')
    .summary('the event schema')
    .description('The event schema of this version.')
  schema
    .command('register')
    .summary('migrate ClickHouse, then register the event schema')
    .description(
      'Brings the tables of ClickHouse forward, then registers the event schema of this version under the subject of every topic. In this order: a record must never meet a table without its columns. Running it again changes nothing.',
    )
    .option('--dry-run', 'change nothing; show what the registry says of each subject')
    .option('--json', 'one JSON object')
    .addHelpText('after', '\nExample:\n  DAYBOOK_TOPICS=audit.events.standard daybook schema register')
    .action((options: RegisterOptions) => register(context, options))
}

async function register(context: CommandContext, options: RegisterOptions): Promise<void> {
  const registry = settingsOf(context.env, NEEDS.registry)
  const { registryUsername: username, registryPassword: password } = registry
  const access: RegistryAccess = {
    ...{ url: registry.registryUrl, timeoutMs: TIMEOUT_MS },
    ...(username === null || password === null ? {} : { auth: { username, password } }),
  }
  const subjects = registry.topics.map((topic) => `${topic}-value`)
  if (options.dryRun === true) return dryRun(context, options, access, subjects)
  const { clickhouseUrl: url, ...user } = settingsOf(context.env, NEEDS.clickhouse)
  const migrated = await migrateHotStore({
    ...{ url, user: user.clickhouseUser, password: user.clickhousePassword ?? '' },
  })
  const registered: Record<string, number> = {}
  for (const subject of subjects)
    registered[subject] = await registerSchema({ ...access, subject, schema: AUDIT_EVENT_SCHEMA_TEXT })
  await writeAnswer(context, options, { ...migrated, registered }, () =>
    [
      `migrations applied: ${migrated.applied.join(', ') || 'none'}`,
      ...Object.entries(registered).map(([subject, id]) => `${subject}: schema id ${id}`),
    ].join('\n'),
  )
}

type Standing = 'registered' | 'compatible' | 'incompatible' | 'new subject'

async function dryRun(
  context: CommandContext,
  options: RegisterOptions,
  access: RegistryAccess,
  subjects: readonly string[],
): Promise<void> {
  const standing: Record<string, Standing> = {}
  for (const subject of subjects) standing[subject] = await standingOf(access, subject)
  if (Object.values(standing).includes('incompatible')) context.setExitCode(1)
  await writeAnswer(context, options, { dryRun: true, subjects: standing }, () =>
    Object.entries(standing)
      .map(([subject, state]) => `${subject}: ${state}`)
      .join('\n'),
  )
}

async function standingOf(access: RegistryAccess, subject: string): Promise<Standing> {
  const name = encodeURIComponent(subject)
  const body = { schema: AUDIT_EVENT_SCHEMA_TEXT, schemaType: 'AVRO' }
  const versions = await askRegistry(access, `/subjects/${name}/versions`)
  if (versions.status === 404) return 'new subject'
  const known = await askRegistry(access, `/subjects/${name}`, { method: 'POST', body })
  if (known.status === 200) return 'registered'
  const checked = await askRegistry(access, `/compatibility/subjects/${name}/versions/latest`, {
    method: 'POST',
    body,
  })
  const { body: answer } = checked
  const isCompatible =
    typeof answer === 'object' &&
    answer !== null &&
    'is_compatible' in answer &&
    answer.is_compatible === true
  return isCompatible ? 'compatible' : 'incompatible'
}

import { AUDIT_EVENT_SCHEMA_TEXT } from '../schemas/generated/audit-event.ts'
import type { Endpoints } from './endpoints.ts'
import { type MigrateResult, migrate } from './migrate.ts'
import { readMigrations } from './migrations.ts'
import { registerSchema } from './registry-admin.ts'

const REGISTRY_TIMEOUT_MS = 10_000

/** Runs the migrations of ClickHouse's tables that did not run yet. */
export async function migrateHotStore(clickhouse: Endpoints['clickhouse']): Promise<MigrateResult> {
  return migrate({ ...clickhouse, migrations: await readMigrations() })
}

/** Registers the event schema under every topic's subject. Tables come first: a record must never meet a table without its columns. */
export async function registerEventSchema(
  registry: Endpoints['registry'],
  topics: readonly string[],
): Promise<void> {
  for (const topic of topics) {
    const subject = `${topic}-value`
    await registerSchema({
      ...registry,
      ...{ timeoutMs: REGISTRY_TIMEOUT_MS, subject, schema: AUDIT_EVENT_SCHEMA_TEXT },
    })
  }
}

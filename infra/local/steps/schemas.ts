import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { type MigrateResult, migrate } from '../../../runtime/migrate.ts'
import { registerSchema } from '../../../runtime/registry-admin.ts'
import { AUDIT_EVENT_SCHEMA_TEXT } from '../../../schemas/generated/audit-event.ts'
import type { Endpoints } from '../endpoints.ts'

const SQL = fileURLToPath(new URL('../../../schemas/sql/', import.meta.url))
const REGISTRY_TIMEOUT_MS = 10_000

/** Brings ClickHouse's tables forward. */
export function migrateHotStore(clickhouse: Endpoints['clickhouse']): Promise<MigrateResult> {
  const migrations = readdirSync(SQL)
    .filter((name) => /^\d{4}-.*\.sql$/.test(name))
    .sort()
    .map((name) => ({ name, sql: readFileSync(SQL + name, 'utf8') }))
  return migrate({ ...clickhouse, migrations })
}

/** Registers the event schema under every topic's subject. Tables come first: a record must never meet a table without its columns. */
export async function registerEventSchema(url: string, topics: readonly string[]): Promise<void> {
  for (const topic of topics) {
    const subject = `${topic}-value`
    await registerSchema({ url, timeoutMs: REGISTRY_TIMEOUT_MS, subject, schema: AUDIT_EVENT_SCHEMA_TEXT })
  }
}

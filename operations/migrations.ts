import { readdir, readFile } from 'node:fs/promises'
import type { Migration } from './migrate.ts'

const DIRECTORY = new URL('../schemas/sql/', import.meta.url)

/** The numbered files of schemas/sql, in order. */
export async function readMigrations(directory: URL = DIRECTORY): Promise<Migration[]> {
  const names = (await readdir(directory)).filter((name) => /^\d{4}-.*\.sql$/.test(name)).toSorted()
  return Promise.all(
    names.map(async (name) => ({ name, sql: await readFile(new URL(name, directory), 'utf8') })),
  )
}

import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'

const FILES = ['0001-hot-store.sql', 'cluster/0001-hot-store.sql'] as const

/** Each table's columns, indexes and projections, one line each, by the table's name. */
function tablesOf(file: string): Map<string, readonly string[]> {
  const text = readFileSync(new URL(`../../../schemas/sql/${file}`, import.meta.url), 'utf8')
  const tables = text.matchAll(/^CREATE TABLE (daybook\.\w+)[^(]*\n\(\n([\s\S]*?)\n\)\n/gm)
  return new Map(
    [...tables].map(([, name = '', body = '']) => [
      name,
      body
        .split('\n')
        .map((line) => line.trim().replace(/,$/, ''))
        .filter((line) => line !== '' && !line.startsWith('--')),
    ]),
  )
}

test('the tables of a cluster have the columns, indexes and projections of one server', () => {
  const [one, cluster] = FILES.map(tablesOf)
  expect(one?.get('daybook.events')?.length).toBeGreaterThan(50)
  for (const [name, lines] of one ?? []) expect([name, cluster?.get(name)]).toEqual([name, lines])
})

import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { configTable } from '../../../runtime/config.ts'
import { COLD_FIELDS, HOT_FIELDS } from '../../../runtime/worker-config.ts'

const page = readFileSync(new URL('../../../docs/configuration.md', import.meta.url), 'utf8')

it.each([
  ['hot', HOT_FIELDS],
  ['cold', COLD_FIELDS],
])('docs/configuration.md shows the keys of the %s worker as the code reads them', (_, fields) => {
  expect(page).toContain(configTable(fields))
})

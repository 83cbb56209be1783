import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { VERSION } from '../../../schemas/version.ts'

it.each(['package.json', 'producers/sdk/package.json'])('the version in code is that of %s', (file) => {
  const found: unknown = JSON.parse(readFileSync(new URL(`../../../${file}`, import.meta.url), 'utf8'))
  expect(found).toMatchObject({ version: VERSION })
})

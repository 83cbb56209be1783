import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { makeVectors } from '../../support/proof/vectors.ts'

test('leaves, trees, proofs and notes are those of the committed vectors', () => {
  const committed = JSON.parse(
    readFileSync(new URL('../../../proof/vectors/v1.json', import.meta.url), 'utf8'),
  )
  expect(makeVectors()).toEqual(committed)
})

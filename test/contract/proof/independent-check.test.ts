import { spawnSync } from 'node:child_process'
import { expect, test } from 'vitest'
import { makeVectors } from '../../support/proof/vectors.ts'

/** Runs the Go program under test/support/go-proof over vectors. */
function goCheck(vectors: unknown): string {
  const cwd = new URL('../../support/go-proof/', import.meta.url).pathname
  const run = spawnSync('go', ['run', '.'], { cwd, input: JSON.stringify(vectors), encoding: 'utf8' })
  if (run.error !== undefined) throw run.error
  return run.stdout.trim() || run.stderr
}

test('an independent implementation agrees with leaves, roots, proofs and notes', () => {
  expect(goCheck(makeVectors())).toBe('ok')
})

test('the independent implementation sees an altered root, proof, leaf and note', () => {
  const wrong = Buffer.alloc(32, 1).toString('base64')
  const root = makeVectors()
  root.trees[5] = { size: 5, root: wrong, frontier: [] }
  expect(goCheck(root)).toMatch(/^the tree of 5 leaves/)
  const proof = makeVectors()
  proof.proofs.inclusion[2]?.path.splice(0, 1, wrong)
  expect(goCheck(proof)).toMatch(/^inclusion of 5 in 7/)
  const note = makeVectors()
  note.notes.checkpoint = note.notes.checkpoint.replace('\n17\n', '\n18\n')
  expect(goCheck(note)).toMatch(/^checkpoint note/)
})

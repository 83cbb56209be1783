import { expect, test } from 'vitest'
import { SeenEvents } from '../../../evidence/seen-events.ts'

test('repeats and conflicts are told apart, also after the table has grown', () => {
  const seen = new SeenEvents(100_000)
  const content = (i: number) => Buffer.from(`content ${i}`)
  for (let i = 0; i < 20_000; i++) expect(seen.add(`id ${i}`, content(i))).toBe('new')
  for (let i = 0; i < 20_000; i++) expect(seen.add(`id ${i}`, content(i))).toBe('repeat')
  expect(seen.add('id 5', content(6))).toBe('conflict')
  expect(seen.add('id 5', content(6))).toBe('repeat')
  expect(seen.add('id 5', content(5))).toBe('repeat')
})

test('memory is bounded', () => {
  const seen = new SeenEvents(1000)
  const fill = () => {
    for (let i = 0; i < 10_000; i++) seen.add(`id ${i}`, Buffer.from('x'))
  }
  expect(fill).toThrow(expect.objectContaining({ code: 'DAYBOOK_EVIDENCE_TOO_MANY_EVENTS' }))
})

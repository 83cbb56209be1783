import fc from 'fast-check'
import { expect, test } from 'vitest'
import { tokenize } from '../../../../infra/local/clickhouse/tokens.ts'

/** Where what is quoted from 0 on ends, character by character; -1 when it does not end. */
function endOfQuoted(text: string): number {
  const quote = text.charAt(0)
  for (let at = 1; at < text.length; at++) {
    const char = text.charAt(at)
    if (char === '\\') at++
    else if (char === quote && text.charAt(at + 1) === quote) at++
    else if (char === quote) return at + 1
  }
  return -1
}

test('strings and quoted names end at their quote, with backslashes and doubled quotes in them', () => {
  const inner = fc.array(fc.constantFrom("'", '`', '"', '\\', 'a', ' ', ';'), { maxLength: 30 })
  fc.assert(
    fc.property(fc.constantFrom("'", '`', '"'), inner, (quote, chars) => {
      const text = quote + chars.join('')
      const [first] = tokenize(text)
      expect(first?.end ?? -1).toBe(endOfQuoted(text))
    }),
  )
})

test('many literals and one long one cost no more than their length', () => {
  const text = `SELECT '${'x'.repeat(8_000_000)}', ${"'a', ".repeat(100_000)} '\\''`
  let strings = 0
  for (const { kind } of tokenize(text)) if (kind === 'string') strings++
  expect(strings).toBe(100_002)
})

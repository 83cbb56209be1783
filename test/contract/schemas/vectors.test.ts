import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { beforeAll, describe, expect, it } from 'vitest'
import { pythonEnvironment, runPython } from '../../support/python/venv.ts'

const SCHEMAS = fileURLToPath(new URL('../../../schemas/', import.meta.url))

describe('the vectors of events and keys', () => {
  beforeAll(() => void pythonEnvironment(), 240_000)

  it('hold for fastavro, which shares no code with us', () => {
    expect(runPython(join(SCHEMAS, 'vectors/check.py'))).toBe('all vectors hold\n')
  })

  it.each(['events.json', 'keys.json'])('do not hold when a digit of %s is changed', (name) => {
    const copy = mkdtempSync(join(tmpdir(), 'daybook-vectors-'))
    try {
      for (const folder of ['avro', 'vectors'])
        cpSync(join(SCHEMAS, folder), join(copy, folder), { recursive: true })
      const file = join(copy, 'vectors', name)
      const text = readFileSync(file, 'utf8')
      const changed = text.replace(/("(?:value|key)": ")(.)/, (_, before, digit) =>
        digit === '0' ? `${before}1` : `${before}0`,
      )
      expect(changed).not.toBe(text)
      writeFileSync(file, changed)
      expect(() => runPython(join(copy, 'vectors/check.py'))).toThrow(/AssertionError/)
    } finally {
      rmSync(copy, { recursive: true, force: true })
    }
  })
})

import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'

const ROOT = fileURLToPath(new URL('../../../', import.meta.url))
const PAGES = join(ROOT, 'docs/errors')
/** Where the product raises errors: everything but tests, benchmarks and examples. */
const SOURCES = [
  'schemas',
  'proof',
  'runtime',
  'consumers',
  'evidence',
  'operations',
  'cli',
  'infra',
  'producers',
]

function sourceFiles(): string[] {
  return SOURCES.flatMap((folder) =>
    readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
      .filter((file) => /\.(ts|js)$/.test(file) && !/(^|\/)(node_modules|dist)\//.test(file))
      .map((file) => join(ROOT, folder, file)),
  )
}

/** Whole string literals; environment variables, which look the same, are sorted out below. */
function codesIn(text: string): string[] {
  return [...text.matchAll(/'(DAYBOOK_[A-Z0-9]+(?:_[A-Z0-9]+)+)'/g)].flatMap(([, code]) => code ?? [])
}

/** Names that some code reads from an environment or describes as one of its keys. */
function variablesIn(text: string): string[] {
  const read = /(?:\benv:\s*|\benv\s*\[\s*|\bsecret\(\s*)'(DAYBOOK_[A-Z0-9_]+)'/gi
  return [...text.matchAll(read)].flatMap(([, name]) => name ?? [])
}

/** Why records are quarantined: the union in source-record.ts. */
function recordCodes(): string[] {
  const contracts = readFileSync(join(ROOT, 'consumers/engine/source-record.ts'), 'utf8')
  const union = contracts.slice(contracts.indexOf('type BadRecordCode')).split('\n\n')[0] ?? ''
  return [...union.matchAll(/'([A-Z_]+)'/g)].map(([, code]) => `DAYBOOK_RECORD_${code}`)
}

describe('error pages', () => {
  const pages = readdirSync(PAGES).map((file) => file.replace(/\.md$/, ''))
  const texts = sourceFiles().map((file) => readFileSync(file, 'utf8'))
  const variables = new Set(texts.flatMap(variablesIn))
  const codes = new Set([...texts.flatMap(codesIn).filter((code) => !variables.has(code)), ...recordCodes()])

  it('exist for every code, and for nothing else', () => {
    expect(codes.size).toBeGreaterThan(50)
    expect(pages.toSorted()).toEqual([...codes].toSorted())
  })

  it.each(pages)('%s says what happened, how to fix it and where it is raised', (code) => {
    const text = readFileSync(join(PAGES, `${code}.md`), 'utf8')
    expect(text.startsWith(`# ${code}\n`)).toBe(true)
    expect(text).toMatch(/\*What happened\.?\*/)
    expect(text).toMatch(/\*How to fix\.?\*/)
    expect(text).toMatch(/Raised (by|in)/)
  })
})

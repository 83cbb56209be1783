import { existsSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import { describe, expect, it } from 'vitest'
import { METRICS } from '../../../runtime/metric-list.ts'
import { wrongCommands } from './commands.ts'
import {
  DATABASE_NAMES,
  ERROR_CODES,
  KAFKA_SETTINGS,
  OPTIONS,
  SCRIPTS,
  SDK_OPTIONS,
  VARIABLES,
} from './settings.ts'
import {
  codeSpans,
  DOCUMENTS,
  FILES,
  FOLDERS,
  PRODUCT_SOURCES,
  ROOT,
  SOURCES,
  type Text,
  unwrapped,
} from './texts.ts'

/** Each finding with its file, so that a failing test shows what to mend. */
function findings(texts: readonly Text[], wrongIn: (text: string, file: string) => readonly string[]) {
  return texts.flatMap(({ file, text }) => wrongIn(text, file).map((wrong) => `${file}: ${wrong}`))
}

const SPOKEN: readonly Text[] = [
  ...DOCUMENTS.map(({ file, text }) => ({ file, text: unwrapped(text) })),
  ...PRODUCT_SOURCES,
]

function unknownVariables(text: string): readonly string[] {
  return [...text.matchAll(/(?<![A-Z_])DAYBOOK_[A-Z0-9_]*[A-Z0-9]\b(?!_)/g)]
    .map(([name]) => name)
    .filter((name) => !VARIABLES.has(name) && !ERROR_CODES.has(name))
}

function unknownMetrics(text: string): readonly string[] {
  return [...text.matchAll(/(?<![\w/.-])daybook_[a-z_]+\b/g)]
    .map(([name]) => name)
    .filter((name) => !(name.replace(/_(bucket|sum|count)$/, '') in METRICS) && !(name in METRICS))
    .filter((name) => !DATABASE_NAMES.has(name))
}

function unknownOptions(document: string): readonly string[] {
  return codeSpans(document)
    .flatMap((span) => /^--[a-z][a-z-]*/.exec(span)?.[0] ?? [])
    .filter((option) => !OPTIONS.has(option))
}

function unknownScripts(text: string): readonly string[] {
  const named = [...text.matchAll(/\bnpm (?:run (?:-s )?([a-z][a-z:]*)|(start|test)\b)(?: -- ([a-z]+))?/g)]
  return named.flatMap(([line, run, short, argument]) => {
    const script = run ?? short ?? ''
    if (!SCRIPTS.has(script)) return [line]
    return script === 'bench' && argument !== undefined && !FILES.includes(`bench/${argument}/run.ts`)
      ? [line]
      : []
  })
}

const CHANGE =
  /\b(raise|lower|increase|decrease|lengthen|shorten|relax) (the|its?|their) ([\w-]+ ){0,3}(limits?|caps?|bounds?|sizes?|bytes|budget|threshold|retention|class|time-?outs?|pauses?|age)\b/i

function isSetting(word: string): boolean {
  return [VARIABLES, KAFKA_SETTINGS, OPTIONS].some((known) => known.has(word))
}

/** What a remedy tells to change has a name. */
function vagueRemedies(text: string): readonly string[] {
  return text
    .split(/(?<=[.:;])\s+/)
    .filter((sentence) => CHANGE.test(sentence))
    .filter((sentence) => {
      const words = sentence.match(/--[a-z][a-z-]*|[A-Za-z_][\w.]*\w/g) ?? []
      // Names of one word are usual English words too, so they count in backticks only.
      const sdk = words.filter((word) => /[A-Z]/.test(word) || sentence.includes(`\`${word}\``))
      return !words.some(isSetting) && !sdk.some((word) => SDK_OPTIONS.has(word))
    })
}

const FILE_NAME = /^[\w./<>*{},-]+\.(ts|js|cjs|md|sql|sh|py|json|yml|yaml|avsc|xml)$/

/** Whether a path in backticks means a file or folder of the repository. */
function isOurs(span: string): boolean {
  if (/^([/~@]|https?:|\$)/.test(span) || /[\s()='"]/.test(span)) return false
  const top = span.split('/')[0] ?? ''
  return FILE_NAME.test(span) || (span.includes('/') && FOLDERS.has(top)) || /^(\.\.\/)*[\w.-]+\/$/.test(span)
}

/** `<code>`, `*` and `{a,b}` stand for anything. */
function exists(path: string): boolean {
  if (FILES.includes(path) || FOLDERS.has(path) || existsSync(join(ROOT, path))) return true
  if (!/[<*{]/.test(path)) return false
  const pattern = path.replaceAll(/[.+?^$()|[\]\\]/g, '\\$&').replaceAll(/<[^>]*>|\*+|\{[^}]*\}/g, '.*')
  return FILES.some((file) => new RegExp(`^${pattern}$`).test(file))
}

/** Files and folders that the product makes elsewhere: in a spool, a bucket or a data directory. */
function isMadeAtRunTime(span: string): boolean {
  const name = span.split('/')[0] ?? ''
  return PRODUCT_SOURCES.some(({ text }) => text.includes(`'${name}'`) || text.includes(`}${name}/`))
}

function isSomewhere(name: string): boolean {
  return !name.includes('/') && [...FILES, ...FOLDERS].some((path) => path.endsWith(`/${name}`))
}

function missingPaths(document: string, file: string): readonly string[] {
  const here = dirname(file)
  return codeSpans(document)
    .filter(isOurs)
    .filter((span) => {
      const path = normalize(span).replace(/\/$/, '')
      return ![path, normalize(join(here, path))].some(exists) && !isSomewhere(path) && !isMadeAtRunTime(span)
    })
}

/** Texts that `source` imports by a relative path. */
function importsOf(source: Text): readonly Text[] {
  const paths = [...source.text.matchAll(/from '(\.[^']+)'/g)].map(([, path]) =>
    normalize(join(dirname(source.file), path ?? '')),
  )
  return SOURCES.filter(({ file }) => paths.includes(file))
}

/** Where an error page says that its code is raised, the code stands, or the function that makes the error is imported. */
function notRaisedThere(page: string, file: string): readonly string[] {
  const code = file.slice('docs/errors/'.length, -'.md'.length)
  const line = /Raised (?:by|in)[\s\S]*$/.exec(page)?.[0] ?? ''
  const paths = codeSpans(line).filter((span) => span.includes('/'))
  const short = code.replace(/^DAYBOOK_RECORD_/, '')
  const places = SOURCES.filter(({ file: source }) =>
    paths.some((path) => source === path || source.startsWith(`${path.replace(/\/$/, '')}/`)),
  )
  const isThere = places
    .flatMap((place) => [place, ...importsOf(place)])
    .some(({ text }) => text.includes(code) || text.includes(`'${short}'`))
  return paths.length === 0 || isThere ? [] : [`is not raised in ${paths.join(', ')}`]
}

describe('what texts name exists', () => {
  it('commands and their options', () => {
    expect(findings(SPOKEN, wrongCommands)).toEqual([])
  })

  it('npm scripts and benchmarks', () => {
    expect(findings(SPOKEN, unknownScripts)).toEqual([])
  })

  it('environment variables and error codes', () => {
    expect(findings(SPOKEN, unknownVariables)).toEqual([])
  })

  it('options', () => {
    expect(findings(DOCUMENTS, unknownOptions)).toEqual([])
  })

  it('metrics', () => {
    expect(findings(SPOKEN, unknownMetrics)).toEqual([])
  })

  it('settings that a remedy tells to change', () => {
    expect(findings(SPOKEN, vagueRemedies)).toEqual([])
  })

  it('files and folders', () => {
    expect(findings(DOCUMENTS, missingPaths)).toEqual([])
  })

  it('pages that comments and messages point to', () => {
    const pages = (text: string) =>
      [...text.matchAll(/\bdocs\/[\w./-]+?\.md\b/g)].map(([page]) => page).filter((page) => !exists(page))
    expect(
      findings(
        SOURCES.filter(({ file }) => !file.startsWith('test/')),
        pages,
      ),
    ).toEqual([])
  })

  it('places where errors are raised', () => {
    const pages = DOCUMENTS.filter(({ file }) => file.startsWith('docs/errors/'))
    expect(findings(pages, notRaisedThere)).toEqual([])
  })
})

describe('what does not exist is found', () => {
  it.each([
    ['run `daybook migrate`.', wrongCommands],
    ['`npm run daybook -- archive verify`', wrongCommands],
    ['daybook offsets accept-gap --store warm --reason x', wrongCommands],
    ['daybook sql --forma TSV', wrongCommands],
    ['raise the regression limits for one run', vagueRemedies],
    ['`npm run benhc`', unknownScripts],
    ['`npm run bench -- lukewarm`', unknownScripts],
    ['set DAYBOOK_KAFKA_BROKER_LIST', unknownVariables],
    ['`--no-such-option` helps', unknownOptions],
    ['daybook_regressions_total rises', unknownMetrics],
    ['see `consumers/engine/motor.ts` there', missingPaths],
    ['see `docs/errors/DAYBOOK_NOTHING_<code>.md`', missingPaths],
  ])('%s', (text, wrongIn) => {
    expect(wrongIn(text, 'README.md')).toHaveLength(1)
  })
})

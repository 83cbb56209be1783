/** INSERT statements: where the target ends, where the rows begin, and where the pipe that brings them is named. */
import { syntaxError } from './exception.ts'
import type { Parsed } from './parsed-statement.ts'
import { ownTokens, refuseFiles } from './statement-rules.ts'
import { type Token, tokenize } from './tokens.ts'

export interface InsertInput {
  readonly bytes: Buffer
  readonly latin: string
  /** The tokens behind the word INSERT. */
  readonly tokens: Iterable<Token>
  readonly complete: boolean
}

interface Walk {
  readonly seen: Token[]
  /** Where SETTINGS begins; the pipe is named before it. */
  settingsAt: number | null
  inSelect: boolean
}

export function parseInsert(input: InsertInput): Parsed {
  const walk: Walk = { seen: [], settingsAt: null, inSelect: false }
  for (const token of input.tokens) {
    // The last token of what is here may go on in what is not.
    if (token.end === input.latin.length && !input.complete) return { kind: 'more', toEnd: false }
    walk.seen.push(token)
    const parsed = take(input, walk, token)
    if (parsed !== null) return parsed
  }
  if (!input.complete) return { kind: 'more', toEnd: false }
  const own = ownTokens(walk.seen)
  refuseFiles(own)
  const end = own.at(-1)?.end ?? 0
  const text = input.bytes.toString('utf8', 0, end)
  if (walk.inSelect) return { kind: 'command', verb: 'INSERT', text, format: null, writes: true }
  return rows(input, walk, { cutAt: end, format: 'Values', dataAt: input.bytes.length })
}

/** Looks at one more token; the statement, once it is known where its rows begin. */
function take(input: InsertInput, walk: Walk, token: Token): Parsed | null {
  const { seen } = walk
  const target = targetEnd(seen)
  const index = seen.length - 1
  if (index <= target || token.kind !== 'word') return null
  if (token.upper === 'SELECT' || (token.upper === 'WITH' && token.depth === 0)) walk.inSelect = true
  if (token.depth !== 0) return null
  const before = seen[index - 1]
  const formatWord = before?.upper === 'FORMAT' && index - 1 > target ? before : null
  if (walk.inSelect) return formatWord === null ? null : selectFromInput(input, seen, formatWord, token)
  if (token.upper === 'SETTINGS') walk.settingsAt ??= token.start
  if (token.upper === 'VALUES')
    return rows(input, walk, { cutAt: token.start, format: 'Values', dataAt: token.end })
  if (formatWord === null) return null
  const format = input.latin.slice(token.start, token.end)
  const dataAt = skipToData(input, token.end)
  return dataAt === null
    ? { kind: 'more', toEnd: false }
    : rows(input, walk, { cutAt: formatWord.start, format, dataAt })
}

/** The index of the last token of the target's name: a table may be called `format` or `values`. */
function targetEnd(seen: readonly Token[]): number {
  let index = 0
  for (const word of ['INTO', 'TABLE', 'FUNCTION']) if (seen[index]?.upper === word) index++
  while (seen[index + 1]?.kind === 'other') index += 2
  return index
}

interface Rows {
  /** Where FORMAT or VALUES begins. */
  readonly cutAt: number
  readonly format: string
  readonly dataAt: number
}

function rows(input: InsertInput, walk: Walk, at: Rows): Parsed {
  refuseFiles(walk.seen)
  const pipeAt = walk.settingsAt ?? at.cutAt
  const before = input.bytes.toString('utf8', 0, pipeAt)
  const settings = input.bytes.toString('utf8', pipeAt, at.cutAt)
  return {
    kind: 'insert',
    dataAt: at.dataAt,
    withPipe: (path) => `${before} FROM INFILE '${path}' COMPRESSION 'none' ${settings} FORMAT ${at.format}`,
  }
}

/** Rows begin after the blanks behind the format's name, one `;` and one line feed. Null: not all of these are here. */
function skipToData(input: InsertInput, end: number): number | null {
  let at = end
  const blanks = () => {
    while (at < input.latin.length && ' \t\f\v'.includes(input.latin.charAt(at))) at++
  }
  blanks()
  if (input.latin.charAt(at) === ';') at++
  blanks()
  if (input.latin.charAt(at) === '\r') at++
  if (at >= input.latin.length && !input.complete) return null
  return input.latin.charAt(at) === '\n' ? at + 1 : at
}

/** `input('structure') … FORMAT X` becomes `file('<pipe>', 'X', 'structure', 'none') …`; null without such a call. */
function selectFromInput(
  input: InsertInput,
  seen: readonly Token[],
  formatWord: Token,
  formatName: Token,
): Parsed | null {
  const at = seen.findIndex((token, index) => token.upper === 'INPUT' && seen[index + 1]?.kind === 'open')
  const [name, open] = [seen[at], seen[at + 1]]
  if (name === undefined || open === undefined) return null
  const dataAt = skipToData(input, formatName.end)
  if (dataAt === null) return { kind: 'more', toEnd: false }
  const { bytes, latin } = input
  const close = closing(latin, open)
  const before = bytes.toString('utf8', 0, name.start)
  const structure = bytes.toString('utf8', open.end, close)
  const after = bytes.toString('utf8', close + 1, formatWord.start)
  const format = latin.slice(formatName.start, formatName.end)
  return {
    kind: 'insert',
    dataAt,
    withPipe: (path) => `${before} file('${path}', '${format}', ${structure}, 'none')${after}`,
  }
}

function closing(latin: string, open: Token): number {
  for (const token of tokenize(latin)) {
    if (token.start > open.start && token.kind === 'close' && token.depth === open.depth) return token.start
  }
  throw syntaxError('Syntax error: unbalanced parentheses in input()')
}

/**
 * What the face must know of a statement: does it read or write, does data follow it and in which format, and where
 * in its text a pipe is named. Nothing else is interpreted; the engine parses and checks the statement itself.
 */
import { notImplemented, syntaxError } from './exception.ts'
import { type Token, tokenize } from './tokens.ts'

export type Statement =
  /** Answers with a result; `intoFile(path)` is the same statement writing it into a pipe or a file. */
  | { readonly kind: 'read'; readonly format: string | null; readonly intoFile: (path: string) => string }
  /** Anything else without data: DDL, SET, KILL, INSERT … SELECT. Its result, if any, is small. */
  | {
      readonly kind: 'command'
      readonly verb: string
      readonly text: string
      readonly format: string | null
      readonly writes: boolean
    }
  /** INSERT whose rows follow; `withPipe(path)` is the same statement reading them from a pipe. */
  | { readonly kind: 'insert'; readonly dataAt: number; readonly withPipe: (path: string) => string }

export type Parsed = Statement | { readonly kind: 'more' }

const READING = new Set([
  'SELECT',
  'WITH',
  'SHOW',
  'DESCRIBE',
  'DESC',
  'EXPLAIN',
  'EXISTS',
  'CHECK',
  'FROM',
  'VALUES',
])

/** `complete`: all bytes of the request are in `bytes`. Else the answer may be `more`. */
export function parseStatement(bytes: Buffer, complete: boolean): Parsed {
  const latin = bytes.toString('latin1')
  const tokens = tokenize(latin)
  const head: Token[] = []
  // Not for…of: leaving such a loop early would end the generator, which is read on below.
  for (let next = tokens.next(); !next.done; next = tokens.next()) {
    head.push(next.value)
    if (next.value.kind === 'word') break
  }
  const verb = head.at(-1)
  if (verb === undefined && complete) throw syntaxError('Empty query')
  if (verb === undefined || (verb.end === latin.length && !complete)) return { kind: 'more' }
  if (verb.upper === 'INSERT') return parseInsert({ bytes, latin, tokens, complete })
  if (!complete) return { kind: 'more' }
  return parsePlain(bytes, verb.upper, [...head, ...tokens])
}

function parsePlain(bytes: Buffer, verb: string, tokens: readonly Token[]): Statement {
  const own = ownTokens(tokens)
  refuseFiles(own)
  const { format, at } = trailingFormat(bytes, own)
  const end = own.at(-1)?.end ?? 0
  if (!READING.has(verb))
    return { kind: 'command', verb, text: bytes.toString('utf8', 0, end), format, writes: false }
  const before = bytes.toString('utf8', 0, at)
  const after = bytes.toString('utf8', at, end)
  return {
    kind: 'read',
    format,
    intoFile: (path) => `${before} INTO OUTFILE '${path}' TRUNCATE COMPRESSION 'none' ${after}`,
  }
}

/** The tokens of the first statement; a second one is refused, as the server does. */
function ownTokens(tokens: readonly Token[]): readonly Token[] {
  const cut = tokens.findIndex((token) => token.kind === 'semicolon' && token.depth === 0)
  if (cut < 0) return tokens
  if (tokens.slice(cut).some((token) => token.kind !== 'semicolon')) {
    throw syntaxError('Syntax error (Multi-statements are not allowed)')
  }
  return tokens.slice(0, cut)
}

/** Writing to or reading from files of the server by clause is a thing of clickhouse-client; the server refuses it too. */
function refuseFiles(tokens: readonly Token[]): void {
  for (const [index, token] of tokens.entries()) {
    const next = tokens[index + 1]
    if (token.upper === 'INTO' && next?.upper === 'OUTFILE') throw notImplemented('INTO OUTFILE')
    if (token.upper === 'FROM' && next?.upper === 'INFILE') throw notImplemented('FROM INFILE')
  }
}

/** `FORMAT name` at the end of a statement, with or without SETTINGS behind it. */
function trailingFormat(bytes: Buffer, tokens: readonly Token[]): { format: string | null; at: number } {
  for (let index = tokens.length - 2; index >= 0; index--) {
    const [word, name, after] = [tokens[index], tokens[index + 1], tokens[index + 2]]
    if (word?.upper !== 'FORMAT' || word.depth !== 0 || name?.kind !== 'word') continue
    if (after === undefined || after.upper === 'SETTINGS') {
      return { format: bytes.toString('latin1', name.start, name.end), at: word.start }
    }
  }
  return { format: null, at: tokens.at(-1)?.end ?? 0 }
}

interface InsertInput {
  readonly bytes: Buffer
  readonly latin: string
  readonly tokens: Iterable<Token>
  readonly complete: boolean
}

function parseInsert(input: InsertInput): Parsed {
  const seen: Token[] = []
  let pipeAt = -1
  let previous: Token | undefined
  let inSelect = false
  for (const token of input.tokens) {
    if (token.end === input.latin.length && !input.complete) return { kind: 'more' }
    seen.push(token)
    const named = afterTarget(seen)
    if (!inSelect && named && token.depth === 0) {
      if (token.upper === 'SETTINGS' && pipeAt < 0) pipeAt = token.start
      if (token.upper === 'VALUES')
        return insertData(input, pipeAt < 0 ? token.start : pipeAt, token.start, 'Values', token.end)
      if (previous?.upper === 'FORMAT' && token.kind === 'word') {
        return insertData(
          input,
          pipeAt < 0 ? previous.start : pipeAt,
          previous.start,
          input.latin.slice(token.start, token.end),
          token.end,
        )
      }
    }
    if (named && (token.upper === 'SELECT' || (token.upper === 'WITH' && token.depth === 0))) inSelect = true
    if (inSelect && previous?.upper === 'FORMAT' && token.kind === 'word' && token.depth === 0) {
      const call = findInput(seen)
      if (call !== undefined) return insertSelect(input, call, previous, token)
    }
    previous = token
  }
  if (!input.complete) return { kind: 'more' }
  const own = ownTokens(seen)
  refuseFiles(own)
  const end = own.at(-1)?.end ?? 0
  if (inSelect)
    return {
      kind: 'command',
      verb: 'INSERT',
      text: input.bytes.toString('utf8', 0, end),
      format: null,
      writes: true,
    }
  return insertData(input, pipeAt < 0 ? end : pipeAt, end, 'Values', input.bytes.length)
}

/** True once the target's name is complete, so that a table may be called `format` or `values`. */
function afterTarget(seen: readonly Token[]): boolean {
  let index = 0
  for (const word of ['INTO', 'TABLE', 'FUNCTION']) if (seen[index]?.upper === word) index++
  return seen.length > index + 1 && seen.at(-2)?.upper !== '.' && seen.at(-1)?.kind !== 'other'
}

function insertData(input: InsertInput, pipeAt: number, cutAt: number, format: string, end: number): Parsed {
  const dataAt =
    format === 'Values' && input.latin.slice(cutAt, end).toUpperCase() === 'VALUES'
      ? end
      : skipToData(input, end)
  if (dataAt === null) return { kind: 'more' }
  const before = input.bytes.toString('utf8', 0, pipeAt)
  const settings = input.bytes.toString('utf8', pipeAt, cutAt)
  return {
    kind: 'insert',
    dataAt,
    withPipe: (path) => `${before} FROM INFILE '${path}' COMPRESSION 'none' ${settings} FORMAT ${format}`,
  }
}

/** Data begins after the blanks behind the format's name, one `;` and one line feed. Null: not all of them are here yet. */
function skipToData(input: InsertInput, end: number): number | null {
  let at = end
  const blank = () => {
    while (at < input.latin.length && ' \t\f\v'.includes(input.latin.charAt(at))) at++
  }
  blank()
  if (input.latin.charAt(at) === ';') at++
  blank()
  if (input.latin.charAt(at) === '\r') at++
  if (at >= input.latin.length && !input.complete) return null
  if (input.latin.charAt(at) === '\n') at++
  return at
}

interface InputCall {
  readonly name: Token
  readonly open: Token
}

function findInput(seen: readonly Token[]): InputCall | undefined {
  for (const [index, name] of seen.entries()) {
    const open = seen[index + 1]
    if (name.upper === 'INPUT' && open?.kind === 'open') return { name, open }
  }
  return undefined
}

/** `input('structure') … FORMAT X` becomes `file('<pipe>', X, 'structure', 'none') …`. */
function insertSelect(input: InsertInput, call: InputCall, formatWord: Token, format: Token): Parsed {
  const dataAt = skipToData(input, format.end)
  if (dataAt === null) return { kind: 'more' }
  const { bytes, latin } = input
  const close = closing(latin, call.open)
  const before = bytes.toString('utf8', 0, call.name.start)
  const structure = bytes.toString('utf8', call.open.end, close)
  const after = bytes.toString('utf8', close + 1, formatWord.start)
  const name = latin.slice(format.start, format.end)
  return {
    kind: 'insert',
    dataAt,
    withPipe: (path) => `${before} file('${path}', '${name}', ${structure}, 'none')${after}`,
  }
}

function closing(latin: string, open: Token): number {
  for (const token of tokenize(latin)) {
    if (token.start > open.start && token.kind === 'close' && token.depth === open.depth) return token.start
  }
  throw syntaxError('Syntax error: unbalanced parentheses in input()')
}

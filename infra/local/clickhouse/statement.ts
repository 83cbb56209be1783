/**
 * What the local server must know of a statement: does it read or write, does data follow it and in which format, and where
 * in its text a pipe is named. Nothing else is interpreted; the engine parses and checks the statement itself.
 */
import { syntaxError } from './exception.ts'
import { parseInsert } from './insert-statement.ts'
import type { Parsed, Statement } from './parsed-statement.ts'
import { ownTokens, refuseFiles } from './statement-rules.ts'
import { type Token, tokenize } from './tokens.ts'

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
  if (verb === undefined || (verb.end === latin.length && !complete)) return { kind: 'more', toEnd: false }
  if (verb.upper === 'INSERT') return parseInsert({ bytes, latin, tokens, complete })
  if (!complete) return { kind: 'more', toEnd: true }
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

/**
 * Splits SQL into tokens, as far as the face must understand it: where strings, quoted names and comments begin and
 * end, and how deep in parentheses a word stands. Works on latin-1 text of the bytes, so that positions are byte
 * positions and binary data after the statement does no harm.
 */
export interface Token {
  readonly kind: 'word' | 'quoted' | 'string' | 'open' | 'close' | 'semicolon' | 'other'
  readonly start: number
  readonly end: number
  /** Parentheses and brackets around the token; the parentheses themselves count as outside. */
  readonly depth: number
  /** Upper case, for words only. */
  readonly upper: string
}

const SPACE = /[\s\0]+/y
const WORD = /[A-Za-z0-9_$\x80-\xff]+/y
const LINE_COMMENT = /(?:--|#!|# )[^\n]*/y
const BLOCK_COMMENT = /\/\*[\s\S]*?\*\//y
const STRING = /'(?:[^'\\]|\\[\s\S]|'')*'/y
const QUOTED = /`(?:[^`\\]|\\[\s\S]|``)*`|"(?:[^"\\]|\\[\s\S]|"")*"/y
const HEREDOC = /\$([A-Za-z0-9_]*)\$[\s\S]*?\$\1\$/y

/** Yields tokens; stops without a word at the first one that is not complete in `text` (an open string or comment). */
export function* tokenize(text: string): Generator<Token> {
  let at = 0
  let depth = 0
  const match = (pattern: RegExp): number => {
    pattern.lastIndex = at
    return pattern.test(text) ? pattern.lastIndex : -1
  }
  while (at < text.length) {
    const skipped = Math.max(match(SPACE), match(LINE_COMMENT), match(BLOCK_COMMENT))
    if (skipped > at) {
      at = skipped
      continue
    }
    const char = text.charAt(at)
    if (text.startsWith('/*', at)) return
    const { kind, end } = classify(char, match)
    if (end < 0) return
    if (kind === 'close') depth = Math.max(0, depth - 1)
    yield { kind, start: at, end, depth, upper: kind === 'word' ? text.slice(at, end).toUpperCase() : '' }
    if (kind === 'open') depth++
    at = end
  }
}

function classify(char: string, match: (pattern: RegExp) => number): { kind: Token['kind']; end: number } {
  if (char === "'") return { kind: 'string', end: match(STRING) }
  if (char === '`' || char === '"') return { kind: 'quoted', end: match(QUOTED) }
  if (char === '$') {
    const end = match(HEREDOC)
    if (end > 0) return { kind: 'string', end }
  }
  const word = match(WORD)
  if (word > 0) return { kind: 'word', end: word }
  return { kind: PUNCTUATION[char] ?? 'other', end: match(ANY) }
}

const ANY = /[\s\S]/y
const PUNCTUATION: Readonly<Record<string, Token['kind']>> = {
  '(': 'open',
  '[': 'open',
  '{': 'open',
  ')': 'close',
  ']': 'close',
  '}': 'close',
  ';': 'semicolon',
}

/**
 * Splits SQL into tokens, as far as the local server must understand it: where strings, quoted names and comments begin and
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
const HEREDOC = /\$([A-Za-z0-9_]*)\$[\s\S]*?\$\1\$/y

/** Yields tokens; stops without a word at the first one that is not complete in `text` (an open string or comment). */
export function* tokenize(text: string): Generator<Token> {
  let at = 0
  let depth = 0
  const match = (pattern: RegExp): number => {
    pattern.lastIndex = at
    return pattern.test(text) ? pattern.lastIndex : -1
  }
  const quotes = new Quotes(text)
  while (at < text.length) {
    const skipped = Math.max(match(SPACE), match(LINE_COMMENT), match(BLOCK_COMMENT))
    if (skipped > at) {
      at = skipped
      continue
    }
    const start = at
    const char = text.charAt(start)
    if (text.startsWith('/*', at)) return
    const { kind, end } = classify(char, match, () => quotes.endFrom(start))
    if (end < 0) return
    if (kind === 'close') depth = Math.max(0, depth - 1)
    yield { kind, start, end, depth, upper: kind === 'word' ? text.slice(at, end).toUpperCase() : '' }
    if (kind === 'open') depth++
    at = end
  }
}

function classify(
  char: string,
  match: (pattern: RegExp) => number,
  endOfQuotes: () => number,
): { kind: Token['kind']; end: number } {
  if (char === "'") return { kind: 'string', end: endOfQuotes() }
  if (char === '`' || char === '"') return { kind: 'quoted', end: endOfQuotes() }
  if (char === '$') {
    const end = match(HEREDOC)
    if (end > 0) return { kind: 'string', end }
  }
  const word = match(WORD)
  if (word > 0) return { kind: 'word', end: word }
  return { kind: PUNCTUATION[char] ?? 'other', end: match(ANY) }
}

/** Finds ends of strings without a regular expression, which would keep a state for each character of a literal. */
class Quotes {
  readonly #text: string
  /** The first backslash at or behind where it was last looked for. */
  #backslash = -1

  constructor(text: string) {
    this.#text = text
  }

  /** The position behind what is quoted from `start` on; -1 when it does not end. */
  endFrom(start: number): number {
    const quote = this.#text.charAt(start)
    for (let at = start + 1; ; ) {
      const end = this.#text.indexOf(quote, at)
      if (end < 0) return -1
      const backslash = this.#backslashFrom(at)
      if (backslash < end) at = backslash + 2
      else if (this.#text.charAt(end + 1) === quote) at = end + 2
      else return end + 1
    }
  }

  #backslashFrom(at: number): number {
    if (this.#backslash < at) {
      const found = this.#text.indexOf('\\', at)
      this.#backslash = found < 0 ? Number.POSITIVE_INFINITY : found
    }
    return this.#backslash
  }
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

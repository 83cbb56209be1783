/** What no statement may hold, whatever it is. */
import { notImplemented, syntaxError } from './exception.ts'
import type { Token } from './tokens.ts'

/** The tokens of the first statement; a second one is refused, as the server does. */
export function ownTokens(tokens: readonly Token[]): readonly Token[] {
  const cut = tokens.findIndex((token) => token.kind === 'semicolon' && token.depth === 0)
  if (cut < 0) return tokens
  if (tokens.slice(cut).some((token) => token.kind !== 'semicolon')) {
    throw syntaxError('Syntax error (Multi-statements are not allowed)')
  }
  return tokens.slice(0, cut)
}

/** Writing to or reading from files of the server by clause is a thing of clickhouse-client; the server refuses it too. */
export function refuseFiles(tokens: readonly Token[]): void {
  for (const [index, token] of tokens.entries()) {
    const next = tokens[index + 1]
    if (token.upper === 'INTO' && next?.upper === 'OUTFILE') throw notImplemented('INTO OUTFILE')
    if (token.upper === 'FROM' && next?.upper === 'INFILE') throw notImplemented('FROM INFILE')
  }
}

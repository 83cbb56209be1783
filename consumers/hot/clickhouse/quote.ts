/** A ClickHouse string literal. */
export function quote(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`
}

/** A database or table name, quoted. */
export function identifier(name: string): string {
  return `\`${name.replaceAll('\\', '\\\\').replaceAll('`', '\\`')}\``
}

/** An array literal of string literals. */
export function quoteAll(texts: readonly string[]): string {
  return `[${texts.map(quote).join(',')}]`
}

/** Rows under a headline, in columns as wide as they need to be; numbers to the right. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((name, column) =>
    Math.max(name.length, ...rows.map((row) => (row[column] ?? '').length)),
  )
  const line = (cells: readonly string[], isHead: boolean) =>
    widths
      .map((width, column) => {
        const cell = cells[column] ?? ''
        const isNumber = !isHead && /^-?\d+$/.test(cell)
        return isNumber ? cell.padStart(width) : cell.padEnd(width)
      })
      .join('  ')
      .trimEnd()
  return [line(head, true), ...rows.map((row) => line(row, false))].join('\n')
}

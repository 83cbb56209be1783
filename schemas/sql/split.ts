/** The statements of a SQL file: each ends with a semicolon at the end of a line. */
export function splitStatements(sql: string): string[] {
  return sql
    .split(/;[ \t]*$/m)
    .map((statement) => statement.trim())
    .filter((statement) => statement.replace(/--.*$/gm, '').trim() !== '')
}

/** SQL files name the database `daybook`; this puts another name there. */
export function withDatabase(sql: string, database: string): string {
  if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(database)) throw new RangeError(`${database} is not a database name`)
  return sql
    .replace(/\bdaybook\.(?=[a-z*])/g, `${database}.`)
    .replace(/\b(DATABASE (?:IF NOT EXISTS )?)daybook\b/g, `$1${database}`)
}

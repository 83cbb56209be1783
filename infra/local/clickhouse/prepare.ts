/** Applies a request's settings, parameters and database to a new connection. */
import type { Account } from './accounts.ts'
import type { Connection } from './engine.ts'
import type { ServerRequest } from './request.ts'

/**
 * For a read-only account the connection is made read-only before the request's settings are applied, so that the engine
 * refuses to change any; for a GET after that.
 *
 * Returns what takes the settings back, for a connection that lives on in a session.
 */
export async function prepare(
  connection: Connection,
  request: ServerRequest,
  account: Account,
): Promise<() => Promise<void>> {
  if (request.database !== null && request.database !== '') {
    await connection.run(`USE ${identifier(request.database)}`, 'Null')
  }
  const { settings } = request
  const first: Change[] = [...request.parameters].map(([name, value]) => [`param_${name}`, value])
  // The engine makes up query ids itself and takes none; `log_comment` is how others find a query by its client's id.
  if (request.queryId !== null && !settings.has('log_comment')) first.push(['log_comment', request.queryId])
  if (account.frozen) {
    await set(connection, [...first, ['readonly', '1']])
    await set(connection, [...settings])
  } else {
    const last: Change[] = request.readonly && !settings.has('readonly') ? [['readonly', '2']] : []
    await set(connection, [...first, ...settings, ...last])
  }
  return async () => {
    for (const name of settings.keys()) await connection.run(`SET ${identifierWord(name)} = DEFAULT`, 'Null')
  }
}

type Change = readonly [name: string, value: string]

/** In one statement, which costs no more than one setting; one by one where it fails: the error is then of one. */
async function set(connection: Connection, changes: readonly Change[]): Promise<void> {
  if (changes.length === 0) return
  const parts = changes.map(([name, value]) => `${identifierWord(name)} = ${literal(value)}`)
  try {
    await connection.run(`SET ${parts.join(', ')}`, 'Null')
  } catch {
    for (const part of parts) await connection.run(`SET ${part}`, 'Null')
  }
}

function literal(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`
}

function identifier(name: string): string {
  return `\`${name.replaceAll('\\', '\\\\').replaceAll('`', '\\`')}\``
}

/** A bare name stays as it is; anything else is quoted, so that it cannot become syntax. */
function identifierWord(name: string): string {
  return /^[A-Za-z_][A-Za-z0-9_]*$/.test(name) ? name : identifier(name)
}

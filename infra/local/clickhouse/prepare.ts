/** Brings a fresh connection into the state that a request asks for. */
import type { Account } from './accounts.ts'
import type { Connection } from './engine.ts'
import type { FaceRequest } from './request.ts'

/**
 * Settings go to the engine one by one, so that its own error names the wrong one. A frozen account is made
 * read-only before, so that the engine refuses to change anything; a GET is made read-only after.
 *
 * Returns what takes the settings back, for a connection that lives on in a session.
 */
export async function prepare(
  connection: Connection,
  request: FaceRequest,
  account: Account,
): Promise<() => Promise<void>> {
  const set = (name: string, value: string) => connection.run(`SET ${name} = ${literal(value)}`, 'Null')
  // The engine makes up query ids itself and takes none; `log_comment` is how others find a query by its client's id.
  if (request.queryId !== null && !request.settings.has('log_comment'))
    await set('log_comment', request.queryId)
  if (request.database !== null && request.database !== '') {
    await connection.run(`USE ${identifier(request.database)}`, 'Null')
  }
  for (const [name, value] of request.parameters) await set(`param_${identifierWord(name)}`, value)
  if (account.frozen) await set('readonly', '1')
  const { settings } = request
  for (const [name, value] of settings) await set(identifierWord(name), value)
  if (request.readonly && !account.frozen && !request.settings.has('readonly')) await set('readonly', '2')
  return async () => {
    for (const name of settings.keys()) await connection.run(`SET ${identifierWord(name)} = DEFAULT`, 'Null')
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

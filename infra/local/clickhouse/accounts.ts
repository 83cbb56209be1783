/** Users of the HTTP interface. The engine knows one user, `default`; HTTP users are distinguished here. */
import { createHash, timingSafeEqual } from 'node:crypto'
import { EngineException } from './exception.ts'

export interface Account {
  readonly name: string
  readonly password: string
  /** Every request runs with `readonly=1`: it reads, and changes no setting. */
  readonly frozen: boolean
}

export type Accounts = ReadonlyMap<string, Account>

export function authenticate(
  accounts: Accounts,
  given: { readonly user: string; readonly password: string },
): Account {
  const account = accounts.get(given.user)
  if (account !== undefined && same(account.password, given.password)) return account
  throw new EngineException(
    516,
    'AUTHENTICATION_FAILED',
    `${given.user}: Authentication failed: password is incorrect, or there is no user with such name.`,
  )
}

function same(expected: string, given: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest()
  return timingSafeEqual(digest(expected), digest(given))
}

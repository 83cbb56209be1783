import { DaybookError } from '../../../schemas/errors.ts'

const BELIEVED_REFUSALS = 3

/**
 * kafkajs reports a connection that breaks in the midst of authentication as refused credentials. Only what is refused
 * three times in a row is believed.
 */
export class Refusals {
  #inARow = 0

  /** Whether waiting does not cure this failure: whoever asked has to give up. */
  believes({ scope, retryable }: DaybookError): boolean {
    this.#inARow = scope === 'worker' && !retryable ? this.#inARow + 1 : 0
    return this.#inARow >= BELIEVED_REFUSALS
  }

  succeeded(): void {
    this.#inARow = 0
  }
}

/**
 * What a single refusal says where nobody counts them: it may pass, and is the matter of what was asked for. Fetches and
 * the group, with the same credentials, find out whether it does.
 */
export function unbelieved(error: DaybookError): DaybookError {
  if (error.scope !== 'worker' || error.retryable) return error
  const { code, message, details } = error
  return new DaybookError(code, message, { retryable: true, cause: error, details })
}

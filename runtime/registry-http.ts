import { DaybookError } from '../schemas/errors.ts'

/** Where a Confluent-compatible schema registry answers, and as whom to ask it. */
export interface RegistryAccess {
  /** Base address, with the path of the Confluent API where there is one (`…/apis/ccompat/v7`). */
  readonly url: string
  readonly auth?: { readonly username: string; readonly password: string }
  /** For one request, answer included. */
  readonly timeoutMs: number
}

export interface RegistryAnswer {
  readonly status: number
  readonly body: unknown
  /** The registry's own code (`40403`: no such schema), null where the body has none. */
  readonly errorCode: number | null
}

const CONTENT_TYPE = 'application/vnd.schemaregistry.v1+json'
/** What a list of versions or one schema may have; longer answers are not read to their end. */
const MAX_ANSWER_BYTES = 4 * 1024 * 1024
const RETRYABLE_STATUS: ReadonlySet<number> = new Set([408, 425, 429])

/**
 * One request. Gives every answer that is the registry's own, refusals included.
 * @throws DaybookError DAYBOOK_REGISTRY_UNREACHABLE (retryable) without an answer, or one that only says "not now";
 *   DAYBOOK_REGISTRY_FORBIDDEN (not retryable, scope worker) for 401 and 403;
 *   DAYBOOK_REGISTRY_ANSWER_TOO_LARGE (retryable) for more than 4 MiB, of which no more is read or kept;
 *   DAYBOOK_REGISTRY_BAD_ANSWER (retryable) when what answers does not speak like a registry, such as a proxy's page.
 */
export async function askRegistry(
  access: RegistryAccess,
  path: string,
  request: { readonly method: 'GET' | 'PUT' | 'POST'; readonly body?: unknown } = { method: 'GET' },
): Promise<RegistryAnswer> {
  const { status, text } = await send(access, path, request)
  const body = parse(text)
  const errorCode = errorCodeOf(body)
  if (body === undefined || (status >= 400 && errorCode === null)) throw badAnswer(access, path, status)
  return { status, body, errorCode }
}

async function send(
  access: RegistryAccess,
  path: string,
  request: { readonly method: string; readonly body?: unknown },
): Promise<{ status: number; text: string }> {
  const { auth } = access
  const basic = auth && Buffer.from(`${auth.username}:${auth.password}`).toString('base64')
  try {
    const response = await fetch(access.url.replace(/\/+$/, '') + path, {
      method: request.method,
      headers: {
        accept: `${CONTENT_TYPE}, application/json`,
        ...(request.body === undefined ? {} : { 'content-type': CONTENT_TYPE }),
        ...(basic === undefined ? {} : { authorization: `Basic ${basic}` }),
      },
      body: request.body === undefined ? null : JSON.stringify(request.body),
      signal: AbortSignal.timeout(access.timeoutMs),
    })
    const { status } = response
    const refusal = refused(access, path, status)
    if (refusal === null) return { status, text: await textOf(access, path, response) }
    await response.body?.cancel()
    throw refusal
  } catch (cause) {
    throw cause instanceof DaybookError ? cause : unreachable(access, path, 'it did not answer', cause)
  }
}

function refused(access: RegistryAccess, path: string, status: number): DaybookError | null {
  if (status === 401 || status === 403) return forbidden(access, path, status)
  const isLater = status >= 500 || RETRYABLE_STATUS.has(status)
  return isLater ? unreachable(access, path, `it answered ${status}`) : null
}

async function textOf(access: RegistryAccess, path: string, response: Response): Promise<string> {
  const chunks: Uint8Array[] = []
  let bytes = 0
  // Leaving the loop ends the transfer.
  for await (const chunk of response.body ?? []) {
    bytes += chunk.length
    if (bytes > MAX_ANSWER_BYTES) throw tooLarge(access, path, response.status)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function errorCodeOf(body: unknown): number | null {
  if (typeof body !== 'object' || body === null || !('error_code' in body)) return null
  return typeof body.error_code === 'number' ? body.error_code : null
}

export function unreachable(
  access: RegistryAccess,
  path: string,
  what: string,
  cause?: unknown,
): DaybookError {
  return new DaybookError(
    'DAYBOOK_REGISTRY_UNREACHABLE',
    `The schema registry at ${access.url} cannot be used now: ${what} (${path}). Nothing is skipped meanwhile.`,
    { retryable: true, cause, details: { path } },
  )
}

function forbidden(access: RegistryAccess, path: string, status: number): DaybookError {
  return new DaybookError(
    'DAYBOOK_REGISTRY_FORBIDDEN',
    `The schema registry at ${access.url} refused ${path} with ${status}. Check the registry's user name, password and rights.`,
    { scope: 'worker', details: { path, status } },
  )
}

function tooLarge(access: RegistryAccess, path: string, status: number): DaybookError {
  return new DaybookError(
    'DAYBOOK_REGISTRY_ANSWER_TOO_LARGE',
    `The answer to ${path} of the schema registry at ${access.url} is longer than ${MAX_ANSWER_BYTES} bytes.`,
    { retryable: true, details: { path, status } },
  )
}

function badAnswer(access: RegistryAccess, path: string, status: number): DaybookError {
  return new DaybookError(
    'DAYBOOK_REGISTRY_BAD_ANSWER',
    `What answers at ${access.url}${path} (${status}) is no schema registry. Check DAYBOOK_REGISTRY_URL, its path included.`,
    { retryable: true, details: { path, status } },
  )
}

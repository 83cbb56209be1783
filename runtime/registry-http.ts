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
const RETRYABLE_STATUS: ReadonlySet<number> = new Set([408, 425, 429])

/**
 * One request. Gives every answer that is the registry's own, refusals included.
 * @throws DaybookError DAYBOOK_REGISTRY_UNREACHABLE (retryable) without an answer, or one that only says "not now";
 *   DAYBOOK_REGISTRY_FORBIDDEN (not retryable) for 401 and 403;
 *   DAYBOOK_REGISTRY_BAD_ANSWER (retryable) when what answers does not speak like a registry, such as a proxy's page.
 */
export async function askRegistry(
  access: RegistryAccess,
  path: string,
  request: { readonly method: 'GET' | 'PUT' | 'POST'; readonly body?: unknown } = { method: 'GET' },
): Promise<RegistryAnswer> {
  const { status, text } = await send(access, path, request)
  if (status === 401 || status === 403) throw forbidden(access, path, status)
  if (status >= 500 || RETRYABLE_STATUS.has(status)) throw unreachable(access, path, `it answered ${status}`)
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
    return { status: response.status, text: await response.text() }
  } catch (cause) {
    throw unreachable(access, path, 'it did not answer', cause)
  }
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
    { details: { path, status } },
  )
}

function badAnswer(access: RegistryAccess, path: string, status: number): DaybookError {
  return new DaybookError(
    'DAYBOOK_REGISTRY_BAD_ANSWER',
    `What answers at ${access.url}${path} (${status}) is no schema registry. Check DAYBOOK_REGISTRY_URL, its path included.`,
    { retryable: true, details: { path, status } },
  )
}

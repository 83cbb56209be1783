import { type ClientRequest, type IncomingHttpHeaders, request } from 'node:http'

export interface HttpAnswer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: Buffer
}

export interface OpenRequest {
  readonly outgoing: ClientRequest
  /** Rejects when the connection breaks before the whole answer is here. */
  readonly answer: Promise<HttpAnswer>
}

type Parameters = Readonly<Record<string, string | number>>

/** Begins a POST whose body the test writes by hand. */
export function openPost(
  url: string,
  parameters: Parameters,
  headers: Record<string, string> = {},
): OpenRequest {
  const { promise, resolve, reject } = Promise.withResolvers<HttpAnswer>()
  const outgoing = request(
    withParameters(url, parameters),
    { method: 'POST', headers, agent: false },
    (incoming) => {
      const chunks: Buffer[] = []
      incoming.on('data', (chunk: Buffer) => chunks.push(chunk))
      incoming.on('error', reject)
      incoming.on('end', () =>
        resolve({ status: incoming.statusCode ?? 0, headers: incoming.headers, body: Buffer.concat(chunks) }),
      )
    },
  )
  outgoing.on('error', reject)
  promise.catch(() => {})
  return { outgoing, answer: promise }
}

export async function post(url: string, parameters: Parameters, body: string | Buffer): Promise<HttpAnswer> {
  const { outgoing, answer } = openPost(url, parameters)
  outgoing.end(body)
  return answer
}

/** Runs a statement and returns its answer as text; throws the server's text when it fails. */
export async function ask(url: string, sql: string, parameters: Parameters = {}): Promise<string> {
  const { status, body } = await post(url, parameters, sql)
  if (status !== 200) throw new Error(body.toString())
  return body.toString().trimEnd()
}

/** Asks again until the answer is `wanted`; the test's own time-out is the limit. */
export async function askUntil(
  url: string,
  sql: string,
  wanted: (answer: string) => boolean,
): Promise<string> {
  for (;;) {
    const answer = await ask(url, sql)
    if (wanted(answer)) return answer
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

export function withParameters(url: string, parameters: Parameters): URL {
  const target = new URL(url)
  for (const [name, value] of Object.entries(parameters)) target.searchParams.set(name, String(value))
  return target
}

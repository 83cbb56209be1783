import { spawn } from 'node:child_process'
import { expect, test } from 'vitest'
import { useServer } from '../../support/clickhouse/local-server.ts'

const server = useServer()

interface CurlAnswer {
  readonly exit: number
  readonly status: number
  readonly headers: ReadonlyMap<string, string>
  readonly body: string
}

/** Runs curl with the answer's headers in front of its body. */
async function curl(
  path: string,
  args: readonly string[] = [],
  input: string | Buffer = '',
): Promise<CurlAnswer> {
  const child = spawn('curl', ['-sS', '-i', '--globoff', ...args, `${server.url}${path}`])
  const chunks: Buffer[] = []
  child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk))
  // It may end, answered, before it has read what nobody asked for.
  child.stdin.on('error', () => {})
  child.stdin.end(input)
  const exit = await new Promise<number>((resolve) => child.once('close', (code) => resolve(code ?? -1)))
  const text = Buffer.concat(chunks).toString()
  const end = text.indexOf('\r\n\r\n')
  const [first = '', ...lines] = text.slice(0, end).split('\r\n')
  const headers = new Map(
    lines.map((line) => {
      const colon = line.indexOf(':')
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()] as const
    }),
  )
  return { exit, status: Number(first.split(' ')[1]), headers, body: text.slice(end + 4) }
}

const query = (sql: string, more = '') => `/?query=${encodeURIComponent(sql)}${more}`
const BODY = ['--data-binary', '@-']

test('/ping and / answer Ok.', async () => {
  expect((await curl('/ping')).body).toBe('Ok.\n')
  expect((await curl('/')).body).toBe('Ok.\n')
})

test('a query may stand in the URL, in the body, or in both', async () => {
  expect((await curl(query('SELECT 1'))).body).toBe('1\n')
  expect((await curl('/', BODY, 'SELECT 2')).body).toBe('2\n')
  expect((await curl(query('SELECT'), BODY, '3')).body).toBe('3\n')
})

test('headers tell id, format, time zone and counts', async () => {
  const { headers, status } = await curl(
    query('SELECT number FROM numbers(3)', '&query_id=q-1&default_format=JSONEachRow'),
  )
  expect(status).toBe(200)
  expect(headers.get('x-clickhouse-query-id')).toBe('q-1')
  expect(headers.get('x-clickhouse-format')).toBe('JSONEachRow')
  expect(headers.get('x-clickhouse-timezone')).toBeTruthy()
  expect(headers.get('x-clickhouse-exception-tag')).toMatch(/^[a-z]{16}$/)
  expect(JSON.parse(headers.get('x-clickhouse-summary') ?? '')).toMatchObject({ read_rows: '3' })
})

test('the FORMAT clause wins over default_format, which wins over the header', async () => {
  const header = ['-H', 'X-ClickHouse-Format: CSV']
  expect((await curl(query("SELECT 'a' FORMAT TSV", '&default_format=CSV'))).body).toBe('a\n')
  expect((await curl(query("SELECT 'a'", '&default_format=JSONCompactEachRow'), header)).body).toBe('["a"]\n')
  expect((await curl(query("SELECT 'a'"), header)).body).toBe('"a"\n')
})

test('GET may not write; POST may', async () => {
  await curl('/', BODY, 'CREATE OR REPLACE TABLE curl (a UInt64) ENGINE = MergeTree ORDER BY a')
  const refused = await curl(query('INSERT INTO curl VALUES (1)'))
  expect([refused.status, refused.headers.get('x-clickhouse-exception-code')]).toEqual([500, '164'])
  expect((await curl(query('INSERT INTO curl VALUES'), BODY, '(1), (2)')).status).toBe(200)
  expect((await curl(query('SELECT sum(a) FROM curl'))).body).toBe('3\n')
})

test.each([
  ['SELECT * FROM nope', 404, '60', 'UNKNOWN_TABLE'],
  ['SELEC 1', 400, '62', 'SYNTAX_ERROR'],
  ['SELECT nope()', 404, '46', 'UNKNOWN_FUNCTION'],
  ["SELECT throwIf(1, 'boom')", 500, '395', 'FUNCTION_THROW_IF_VALUE_IS_NON_ZERO'],
  ['SELECT 1; SELECT 2', 400, '62', 'SYNTAX_ERROR'],
  ["SELECT 1 INTO OUTFILE '/tmp/daybook-must-not-exist'", 501, '48', 'NOT_IMPLEMENTED'],
])('%s answers %i', async (sql, status, code, name) => {
  if (server.real && status === 501) return
  const answer = await curl('/', BODY, sql)
  expect([answer.status, answer.headers.get('x-clickhouse-exception-code')]).toEqual([status, code])
  expect(answer.body).toMatch(new RegExp(`^Code: ${code}\\. DB::Exception: [^]*\\(${name}\\)[^]*version `))
})

test('an unknown database and an unknown setting are named', async () => {
  expect((await curl(query('SELECT 1', '&database=nope'))).body).toMatch(/^Code: 81\. .*nope/)
  expect((await curl(query('SELECT 1', '&nosuch=1'))).body).toMatch(/^Code: 115\. .*nosuch/)
})

test('a wrong password is refused with 516, by basic auth, headers and URL', async () => {
  for (const [path, args] of [
    [query('SELECT 1'), ['-u', 'default:wrong']],
    [query('SELECT 1'), ['-H', 'X-ClickHouse-User: nobody', '-H', 'X-ClickHouse-Key: x']],
    [query('SELECT 1', '&user=nobody&password=x'), []],
  ] as const) {
    const { status, headers } = await curl(path, args)
    expect([status, headers.get('x-clickhouse-exception-code')]).toEqual([403, '516'])
  }
})

test('with wait_end_of_query=1 an exception behind many rows still has its status', async () => {
  const late = query('SELECT throwIf(number = 3000000) FROM numbers(5000000)', '&wait_end_of_query=1')
  expect((await curl(late)).status).toBe(500)
})

test('an exception amid the rows is framed by the tag, and the answer is visibly cut', async () => {
  const late = await curl(query('SELECT number, throwIf(number = 3000000) FROM numbers(5000000)'), [
    '--ignore-content-length',
  ])
  const tag = late.headers.get('x-clickhouse-exception-tag') ?? ''
  expect(late.status).toBe(200)
  expect(late.exit).not.toBe(0)
  const tail = late.body.slice(late.body.indexOf('__exception__') - 2)
  const frame = new RegExp(
    `^\\r\\n__exception__\\r\\n${tag}\\r\\n(Code: 395\\.[^]*\\n)(\\d+) ${tag}\\r\\n__exception__\\r\\n$`,
  )
  const [, message = '', length = ''] = frame.exec(tail) ?? []
  expect(message.length).toBe(Number(length))
})

test.each(['gzip', 'deflate', 'br', 'zstd'])('answers are encoded as %s when asked for', async (encoding) => {
  const sql = query('SELECT count(), sum(number) FROM numbers(1000)', '&enable_http_compression=1')
  const { headers, status } = await curl(sql, ['-H', `Accept-Encoding: ${encoding}`])
  expect([status, headers.get('content-encoding')]).toEqual([200, encoding])
  const plain = await curl(query('SELECT 1'), ['-H', `Accept-Encoding: ${encoding}`])
  expect(plain.headers.get('content-encoding')).toBeUndefined()
})

test.each(['snappy', 'nosuch'])('a body encoded as %s is refused by name', async (encoding) => {
  if (server.real) return
  const { status, body } = await curl(
    query('SELECT 1'),
    ['-H', `Content-Encoding: ${encoding}`, ...BODY],
    'x',
  )
  expect(status).toBe(501)
  expect(body).toContain(encoding)
})

test('what the local server lacks answers 501 and says its name', async () => {
  if (server.real) return
  const lacking = [
    [query('SELECT 1', '&role=x'), 'role'],
    [query('SELECT 1', '&compress=1'), 'compress=1'],
    [query('SELECT 1', '&decompress=1'), 'decompress=1'],
    [query('SELECT 1', '&session_id=s'), 'GET within a session'],
    ['/replicas_status', 'replicas_status'],
  ] as const
  for (const [path, name] of lacking) {
    const { status, body } = await curl(path)
    expect([status, body.includes(name)]).toEqual([501, true])
  }
  const form = await curl(query('SELECT 1'), ['-F', 'table=@-'], '1\n')
  expect([form.status, form.body.includes('multipart/form-data')]).toEqual([501, true])
})

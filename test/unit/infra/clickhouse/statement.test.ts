import fc from 'fast-check'
import { expect, test } from 'vitest'
import { EngineException } from '../../../../infra/local/clickhouse/exception.ts'
import { parseStatement } from '../../../../infra/local/clickhouse/statement.ts'

const parse = (text: string, complete = true) => parseStatement(Buffer.from(text), complete)

function insert(text: string) {
  const parsed = parse(text)
  if (parsed.kind !== 'insert') throw new Error(`parsed as ${parsed.kind}`)
  const { dataAt, withPipe } = parsed
  return {
    data: Buffer.from(text).toString('utf8', dataAt),
    sql: withPipe('/pipe').replaceAll(/\s+/g, ' ').trim(),
  }
}

test.each([
  ['INSERT INTO t FORMAT TSV\n1\n', '1\n', "INSERT INTO t FROM INFILE '/pipe' COMPRESSION 'none' FORMAT TSV"],
  [
    'insert into t(a) format CSV;\r\n1',
    '1',
    "insert into t(a) FROM INFILE '/pipe' COMPRESSION 'none' FORMAT CSV",
  ],
  ['INSERT INTO t VALUES (1)', ' (1)', "INSERT INTO t FROM INFILE '/pipe' COMPRESSION 'none' FORMAT Values"],
  [
    'INSERT INTO d.`x FORMAT y` (a) SETTINGS s = 1 FORMAT TSV\n\n',
    '\n',
    "INSERT INTO d.`x FORMAT y` (a) FROM INFILE '/pipe' COMPRESSION 'none' SETTINGS s = 1 FORMAT TSV",
  ],
  [
    "INSERT INTO t SELECT a FROM input('a UInt8') WHERE b = 'FORMAT x' FORMAT Avro\nObj",
    'Obj',
    "INSERT INTO t SELECT a FROM file('/pipe', 'Avro', 'a UInt8', 'none') WHERE b = 'FORMAT x'",
  ],
  [
    'INSERT INTO format FORMAT TSV\n1',
    '1',
    "INSERT INTO format FROM INFILE '/pipe' COMPRESSION 'none' FORMAT TSV",
  ],
  [
    '/* a */ INSERT INTO é -- VALUES\n FORMAT TSV\né',
    'é',
    "/* a */ INSERT INTO é -- VALUES FROM INFILE '/pipe' COMPRESSION 'none' FORMAT TSV",
  ],
])('%j: where the data begins and where the pipe goes', (text, data, sql) => {
  expect(insert(text)).toEqual({ data, sql })
})

test('binary data behind the statement is left alone', () => {
  const data = Buffer.from([0x27, 0x00, 0x80, 0xff, 0x60, 0x0a])
  const head = Buffer.from('INSERT INTO t FORMAT Native\n')
  const parsed = parseStatement(Buffer.concat([head, data]), false)
  expect(parsed).toMatchObject({ kind: 'insert', dataAt: head.length })
})

test('a statement cut at any byte asks for more or is the same statement', () => {
  const text = "INSERT INTO `a b` (x, y) SETTINGS q = 'it''s' FORMAT JSONEachRow\n{}"
  const whole = insert(text)
  fc.assert(
    fc.property(fc.integer({ min: 0, max: text.length - 3 }), (length) => {
      expect(parse(text.slice(0, length), false).kind).toBe('more')
    }),
  )
  const parsed = parse(text.slice(0, -1), false)
  expect(parsed.kind === 'insert' && parsed.dataAt).toBe(text.length - whole.data.length)
})

test.each([
  ['SELECT 1', null],
  ["SELECT format('{}', 1) FROM t FORMAT JSON", 'JSON'],
  ["SELECT 'FORMAT CSV' FORMAT TSV SETTINGS max_threads = 1", 'TSV'],
  ['SELECT * FROM (SELECT 1 AS format)', null],
  ['SELECT 1 FORMAT CSV;', 'CSV'],
])('%j has the format %j', (text, format) => {
  expect(parse(text)).toMatchObject({ kind: 'read', format })
})

test('the result file is named before FORMAT', () => {
  const parsed = parse('SELECT 1 FORMAT CSV -- x')
  const sql = parsed.kind === 'read' ? parsed.intoFile('/p') : ''
  expect(sql).toBe("SELECT 1  INTO OUTFILE '/p' TRUNCATE COMPRESSION 'none' FORMAT CSV")
})

test.each([
  'SELECT 1; SELECT 2',
  '',
  '  -- nothing',
  "SELECT 1 INTO OUTFILE 'x'",
  "INSERT INTO t FROM INFILE 'x'",
])('%j is refused', (text) => {
  expect(() => parse(text)).toThrow(EngineException)
})

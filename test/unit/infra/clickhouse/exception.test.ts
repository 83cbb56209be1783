import { expect, test } from 'vitest'
import { httpStatus, parseEngineException } from '../../../../infra/local/clickhouse/exception.ts'
import { parseGrants } from '../../../../infra/local/clickhouse/roles.ts'

test('the engine’s message is taken apart', () => {
  const exception = parseEngineException(
    'Code: 60. DB::Exception: Table x (y) does not exist. (UNKNOWN_TABLE)',
  )
  expect([exception.code, exception.codeName, exception.message, httpStatus(exception)]).toEqual([
    60,
    'UNKNOWN_TABLE',
    'Table x (y) does not exist.',
    404,
  ])
  expect(exception.text('26.7')).toBe(
    'Code: 60. DB::Exception: Table x (y) does not exist. (UNKNOWN_TABLE) (version 26.7 (official build))\n',
  )
})

test('a message that crossed two layers is framed once', () => {
  const inner = 'Code: 394. DB::Exception: Query was cancelled. (QUERY_WAS_CANCELLED) (version 26.7.2.1)'
  const exception = parseEngineException(`Code: 394. DB::Exception: ${inner}. (QUERY_WAS_CANCELLED)`)
  expect([exception.code, exception.message]).toEqual([394, 'Query was cancelled.'])
})

test('anything else is an unknown exception', () => {
  const exception = parseEngineException('boom')
  expect([exception.code, httpStatus(exception), exception.message]).toEqual([1002, 500, 'boom'])
})

test('grants lose comments and grantees, and an empty list is refused', () => {
  const sql = '-- all\nGRANT SELECT, INSERT\n  ON daybook.* TO writer; CREATE ROLE x;\nGRANT READ ON FILE;'
  expect(parseGrants(sql)).toEqual(['GRANT SELECT, INSERT ON daybook.*', 'GRANT READ ON FILE'])
  expect(() => parseGrants('-- GRANT ALL ON *.*')).toThrow('no GRANT')
})

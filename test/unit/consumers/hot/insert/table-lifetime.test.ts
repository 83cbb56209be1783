import { expect, it } from 'vitest'
import { deleteExpressions } from '../../../../../consumers/hot/insert/table-lifetime.ts'

const HEAD =
  "CREATE TABLE d.events (`_received_at` DateTime64(3, 'UTC'), `x` String COMMENT 'a ) TTL b' TTL _received_at + toIntervalDay(1)) ENGINE = MergeTree PARTITION BY toMonday(_received_at) ORDER BY (a, b)"
const DAYS = 'toDateTime(_received_at) + toIntervalDay(93)'

it.each([
  ['', []],
  [' SETTINGS index_granularity = 8192', []],
  [` TTL ${DAYS}`, [DAYS]],
  [` TTL ${DAYS} SETTINGS ttl_only_drop_parts = 1`, [DAYS]],
  [` TTL ${DAYS} SETTINGS a = 1 COMMENT 'TTL x'`, [DAYS]],
  [` TTL ${DAYS} DELETE, if(x = ',', 1, 2) TO VOLUME 'cold'`, [DAYS]],
  [` TTL ${DAYS} TO DISK 'd', f(_received_at, 'WHERE') RECOMPRESS CODEC(ZSTD(9)), g(1)`, ['g(1)']],
  [` TTL toDate(_received_at) + 1, ${DAYS}`, ['toDate(_received_at) + 1', DAYS]],
])('the TTL%s deletes by %j', (tail, expressions) => {
  expect(deleteExpressions(`${HEAD}${tail}`)).toEqual(expressions)
})

it.each([
  ` TTL ${DAYS} WHERE tenant_id = 'a'`,
  ` TTL ${DAYS} DELETE WHERE tenant_id = 'a'`,
  ` TTL ${DAYS} GROUP BY tenant_id SET x = max(x)`,
])('a TTL by which some rows go earlier than others of their age is not guessed at:%s', (tail) => {
  expect(() => deleteExpressions(`${HEAD}${tail}`)).toThrow(
    expect.objectContaining({ code: 'DAYBOOK_HOT_TTL_UNSUPPORTED' }),
  )
})

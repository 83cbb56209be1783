import { expect, test } from 'vitest'
import {
  acceptKey,
  initKey,
  logIdOf,
  minuteOf,
  objectKey,
  parseObjectKey,
} from '../../../schemas/archive/key.ts'

const partition = {
  topic: 'audit.events.hipaa',
  topicId: '5a1d3c1e-30a4-4c6e-9a55-0c6e2f0b7d11',
  partition: 7,
}
const name = { ...partition, minute: Date.UTC(2026, 0, 2, 3, 4), first: 42n }
const key =
  'v1/audit.events.hipaa/5a1d3c1e-30a4-4c6e-9a55-0c6e2f0b7d11/p=7/2026/01/02/03/04-00000000000000000042.avro'

test('keys are as documented, and are read back', () => {
  expect(objectKey(name)).toBe(key)
  expect(parseObjectKey(key)).toEqual(name)
  expect(initKey(partition)).toBe(key.replace(/2026.*/, 'init'))
  const accepted = key.replace(/2026.*/, 'accept/00000000000000000001-00000000000000000009.json')
  expect(acceptKey(partition, 1n, 9n)).toBe(accepted)
})

test.each([
  key.replace('p=7', 'p=07'),
  key.replace('/01/02/', '/13/02/'),
  key.replace('/01/02/', '/02/30/'),
  key.replace('04-', '60-'),
  key.replace('.avro', '.avro2'),
  key.replace('v1/', 'v2/'),
  `x${key}`,
])('%s is no key of ours', (other) => {
  expect(parseObjectKey(other)).toBeNull()
})

test('the order of keys is the order of minutes, and within a minute of offsets', () => {
  const later = objectKey({ ...name, minute: minuteOf(Date.UTC(2026, 9, 1)), first: 0n })
  const larger = objectKey({ ...name, first: 2n ** 62n })
  expect([later, larger, key].sort()).toEqual([key, larger, later])
})

test('a log id takes only what can stand in keys, origins and key names', () => {
  const o = { ...partition, org: 'acme', environment: 'prod', clusterId: '-kU3OEVBNTcwNTJENDM2Qg' }
  expect(logIdOf(o)).toBe(
    'acme/prod/-kU3OEVBNTcwNTJENDM2Qg/audit.events.hipaa/5a1d3c1e-30a4-4c6e-9a55-0c6e2f0b7d11/7',
  )
  for (const org of ['', 'a b', 'a/b', 'a+b', 'a\nb', 'ä'])
    expect(() => logIdOf({ ...o, org })).toThrow(/org/)
})

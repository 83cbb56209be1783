import { expect, it } from 'vitest'
import { DEFAULT_LIMITS } from '../../../consumers/engine/options.ts'
import { DEFAULT_TUNING } from '../../../consumers/kafka/fetch/tuning.ts'
import { DOCUMENTS, PRODUCT_SOURCES, unwrapped } from './texts.ts'

/** "The partition goes on by itself within …" */
const PROMISE = /goes on(?: by itself)? within ([\w ]+?)(?=[.,;:]| of )/g

it('a stopped partition goes on within the time that texts promise', () => {
  const promises = [...DOCUMENTS, ...PRODUCT_SOURCES].flatMap(({ file, text }) =>
    [...unwrapped(text).matchAll(PROMISE)].map(([, time]) => ({ file, time })),
  )
  expect(promises.length).toBeGreaterThan(3)
  expect(promises.filter(({ time }) => time !== 'a minute')).toEqual([])
  const { stopRetryMaxMs } = DEFAULT_LIMITS
  // The cause may be one that the worker sees only at its next look at the topics' settings.
  expect(stopRetryMaxMs + DEFAULT_TUNING.settingsCheckMs).toBeLessThan(60_000)
  const apart = DOCUMENTS.flatMap(({ file, text }) =>
    [...unwrapped(text).matchAll(/at most (\S+ ?\w*) apart/g)].map(([, time]) => ({ file, time })),
  )
  expect(apart.map(({ time }) => time)).toEqual(apart.map(() => `${stopRetryMaxMs / 1_000} seconds`))
})

import fc from 'fast-check'
import { expect, it } from 'vitest'
import type { DeliveryJob } from '../../../../consumers/hot/delivery-job.ts'
import { eachByItself } from '../../../../consumers/hot/isolation.ts'
import { DaybookError } from '../../../../schemas/errors.ts'

class FakeJob {
  readonly kind: 'good' | 'guilty' | 'down' | 'lost'
  error: unknown = null
  acted = 0

  constructor(kind: FakeJob['kind']) {
    this.kind = kind
  }

  get isOpen(): boolean {
    return this.error === null && this.kind !== 'lost'
  }

  fail(error: unknown): void {
    this.error = error
  }
}

const guilty = new DaybookError('DAYBOOK_TEST_GUILTY', 'guilty')
const down = new DaybookError('DAYBOOK_TEST_DOWN', 'down', { retryable: true })
const ofWorker = new DaybookError('DAYBOOK_TEST_WORKER', 'worker', { scope: 'worker' })

/** As a statement of several partitions: it fails as a whole, and does not say for whose sake. */
async function act(jobs: readonly DeliveryJob[]): Promise<void> {
  const all = jobs as unknown as readonly FakeJob[]
  if (all.some(({ kind }) => kind === 'guilty')) throw guilty
  if (all.some(({ kind }) => kind === 'down')) throw down
  for (const job of all) job.acted++
}

const run = (jobs: readonly FakeJob[], how = act) => eachByItself(jobs as unknown as DeliveryJob[], how)

it('only the guilty fail; the others are acted on once', async () => {
  const kinds = fc.array(fc.constantFrom('good' as const, 'guilty' as const, 'lost' as const))
  await fc.assert(
    fc.asyncProperty(kinds, async (given) => {
      const jobs = given.map((kind) => new FakeJob(kind))
      await run(jobs)
      for (const job of jobs) expect(job.error).toBe(job.kind === 'guilty' ? guilty : null)
      for (const job of jobs) if (job.kind === 'good') expect(job.acted).toBe(1)
    }),
  )
})

it('what may be tried again fails all at once, for each try costs a time-out', async () => {
  const jobs = [new FakeJob('good'), new FakeJob('down'), new FakeJob('good')]
  await run(jobs)
  expect(jobs.map(({ error }) => error)).toEqual([down, down, down])
})

it('a store that goes down in between fails all that are left', async () => {
  const jobs = [new FakeJob('good'), new FakeJob('guilty'), new FakeJob('down'), new FakeJob('good')]
  await run(jobs)
  expect(jobs.map(({ error }) => error)).toEqual([null, guilty, down, down])
})

it('what is too much for the memory of the store goes in smaller parts', async () => {
  const tooMuch = new DaybookError('DAYBOOK_TEST_MEMORY', 'memory', {
    retryable: true,
    details: { clickhouseCode: 241 },
  })
  const jobs = [new FakeJob('good'), new FakeJob('guilty'), new FakeJob('good')]
  await run(jobs, async (some) => {
    const all = some as unknown as readonly FakeJob[]
    if (all.length > 1 || all[0]?.kind === 'guilty') throw tooMuch
  })
  expect(jobs.map(({ error }) => error)).toEqual([null, tooMuch, null])
})

it('what concerns the worker is thrown', async () => {
  const jobs = [new FakeJob('good'), new FakeJob('good')]
  const forbidden = async () => {
    throw ofWorker
  }
  await expect(run(jobs, forbidden)).rejects.toBe(ofWorker)
})

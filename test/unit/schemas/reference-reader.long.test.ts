import { it } from 'vitest'
import { agreeOnMutatedEvents, agreeOnRandomSchemas } from '../../support/reader-agreement.ts'

it('the second reader agrees with the generated checker, under any schema, about any bytes', () => {
  agreeOnRandomSchemas(20_000)
})

it('the second reader agrees with the generated checker about events that were changed', () => {
  agreeOnMutatedEvents(200_000)
})

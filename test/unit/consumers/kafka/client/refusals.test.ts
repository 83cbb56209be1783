import { expect, it } from 'vitest'
import { brokerError, clientError } from '../../../../../consumers/kafka/client/broker-errors.ts'
import { Refusals, unbelieved } from '../../../../../consumers/kafka/client/refusals.ts'

/** As kafkajs reports a connection that breaks in the midst of authentication. */
const refused = () => {
  const error = new Error('Connection closed')
  error.name = 'KafkaJSSASLAuthenticationError'
  return clientError(error, 'fetch')
}
const lost = () => brokerError(7, 'fetch')

it('believes a refusal that comes three times in a row', () => {
  const refusals = new Refusals()
  expect([refused(), refused(), refused()].map((error) => refusals.believes(error))).toEqual([
    false,
    false,
    true,
  ])
})

it('counts anew after any other failure, and after a success', () => {
  const refusals = new Refusals()
  const failures = [refused(), refused(), lost(), refused(), refused()]
  expect(failures.map((error) => refusals.believes(error))).not.toContain(true)
  refusals.succeeded()
  expect([refused(), refused()].map((error) => refusals.believes(error))).toEqual([false, false])
})

it('makes a single refusal the matter of what was asked for, to be tried again', () => {
  expect(unbelieved(refused())).toMatchObject({
    ...{ code: 'DAYBOOK_KAFKA_UNAUTHORIZED', scope: 'partition', retryable: true },
  })
  const denied = brokerError(29, 'fetch')
  expect(unbelieved(denied)).toBe(denied)
})

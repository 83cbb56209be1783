import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { stoppedOf } from '../../../cli/status/stopped.ts'
import { parseStopNote } from '../../../consumers/engine/recovery/stop-note.ts'

describe('the note of a stopped partition', () => {
  it('names code and time', () => {
    expect(parseStopNote('{"stopped":"DAYBOOK_KAFKA_TOPIC_CONFIG","since":1795654690784}')).toEqual({
      code: 'DAYBOOK_KAFKA_TOPIC_CONFIG',
      since: 1_795_654_690_784,
    })
    expect(parseStopNote('{"stopped":"unknown","since":0}')).toEqual({ code: 'unknown', since: 0 })
  })

  it.each([
    ['nothing', null],
    ['an empty text', ''],
    ['no JSON', 'DAYBOOK_KAFKA_TOPIC_CONFIG'],
    ['another program', '{"owner":"someone"}'],
    ['no code', '{"stopped":"\\u001b[31mred","since":1}'],
    ['a path', '{"stopped":"DAYBOOK_../../../etc/passwd","since":1}'],
    ['another kind of code', '{"stopped":7,"since":1}'],
    ['no time', '{"stopped":"DAYBOOK_KAFKA_TOPIC_CONFIG"}'],
    ['a time beyond all dates', '{"stopped":"DAYBOOK_KAFKA_TOPIC_CONFIG","since":1e300}'],
    ['a broken time', '{"stopped":"DAYBOOK_KAFKA_TOPIC_CONFIG","since":1.5}'],
    ['a long one', `{"stopped":"DAYBOOK_KAFKA_TOPIC_CONFIG","since":1,"x":"${'x'.repeat(1_024)}"}`],
  ])('is ignored where it is of somebody else: %s', (_name, text) => {
    expect(parseStopNote(text)).toBeNull()
  })

  it('never makes status fail, whatever is committed', async () => {
    const anything = fc.oneof(
      fc.string(),
      fc.json(),
      fc.record({ stopped: fc.anything(), since: fc.anything() }).map((value) => {
        try {
          return JSON.stringify(value) ?? ''
        } catch {
          return ''
        }
      }),
    )
    await fc.assert(
      fc.asyncProperty(anything, async (metadata) => {
        const found = await stoppedOf('g', [{ topic: 't', partitions: [{ partition: 0, metadata }] }])
        expect(found.length).toBeLessThanOrEqual(1)
      }),
    )
  })
})

it('shows the remedy of the code’s page, and where to look for a code without one', async () => {
  const note = (stopped: string) => JSON.stringify({ stopped, since: 1_000 })
  const partitions = [
    'DAYBOOK_COLD_NOT_INITIALISED',
    'DAYBOOK_LOCAL_COMPONENT_FAILED',
    'DAYBOOK_OF_TOMORROW',
  ].map((code, partition) => ({ partition, metadata: note(code) }))
  const [cold, local, later] = await stoppedOf('daybook-cold', [{ topic: 't', partitions }])
  expect(cold).toEqual({
    group: 'daybook-cold',
    topic: 't',
    partition: 0,
    code: 'DAYBOOK_COLD_NOT_INITIALISED',
    since: '1970-01-01T00:00:01.000Z',
    remedy: expect.stringMatching(/daybook archive init --topic <topic>.*listing\.$/),
  })
  expect(local?.remedy).toMatch(/^Read the log/)
  expect(later?.remedy).toContain('docs/errors/DAYBOOK_OF_TOMORROW.md')
})

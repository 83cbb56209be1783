import { DaybookError } from '../../../schemas/errors.ts'
import type { TopicFinding } from './topic-rules.ts'

/** DAYBOOK_KAFKA_TOPIC_CONFIG that names every one of the findings, each with the value that must be and the command. */
export function configError(
  errors: readonly TopicFinding[],
  scope: 'partition' | 'worker' = 'partition',
): DaybookError {
  const topics = [...new Set(errors.map(({ topic }) => topic))]
  return new DaybookError(
    'DAYBOOK_KAFKA_TOPIC_CONFIG',
    `not set up for an audit log:\n  ${errors.map(({ message }) => message).join('\n  ')}`,
    { scope, details: { topic: topics.join(', '), faults: errors.length } },
  )
}

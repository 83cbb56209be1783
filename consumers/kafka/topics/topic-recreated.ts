import { DaybookError } from '../../../schemas/errors.ts'

export function topicRecreated(topic: string, before: string, now: string): DaybookError {
  return new DaybookError(
    'DAYBOOK_KAFKA_TOPIC_RECREATED',
    `topic ${topic} was deleted and made again (topic id ${before} before, ${now} now): its offsets mean other ` +
      'records. Accept the new topic as docs/errors/DAYBOOK_KAFKA_TOPIC_RECREATED.md says, then restart the worker',
    { details: { topic, before, now } },
  )
}

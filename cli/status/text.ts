import { positionTable } from '../offsets/show.ts'
import type { Status, StatusSettings } from './gather.ts'
import type { StoppedEntry } from './stopped.ts'

/** Where servers are asked, for people. */
export type TextSettings = Pick<
  StatusSettings,
  'kafkaBrokers' | 'registryUrl' | 'clickhouseUrl' | 's3Endpoint' | 's3Bucket'
>

/** What `daybook status` says to people. */
export function statusText(settings: TextSettings, found: Status): string {
  const { answers, objectLock, positions, topicFindings, stopped, groupConcerns } = found
  const line = (name: string, where: string, answer: Status['answers']['kafka']) =>
    `${answer.ok ? '✓' : '✗'} ${name.padEnd(10)}  ${where}${answer.ok ? '' : `\n    ${answer.error}`}`
  const lock = objectLock === false ? ' (NO OBJECT LOCK)' : ''
  return [
    line('Kafka', settings.kafkaBrokers.join(','), answers.kafka),
    line('registry', settings.registryUrl, answers.registry),
    line('ClickHouse', settings.clickhouseUrl, answers.clickhouse),
    line('S3', `${settings.s3Endpoint ?? 'AWS'}, bucket ${settings.s3Bucket}${lock}`, answers.s3),
    ...Object.entries(found.members).map(([group, workers]) => `  ${group}: ${countText(workers)}`),
    ...groupConcerns.map(({ group, message }) => `✗ ${group}: ${message}`),
    ...topicFindings.map(({ severity, message }) => `${severity === 'error' ? '✗' : '!'} ${message}`),
    ...[...Map.groupBy(stopped, ({ group, code }) => `${group}: ${code}`).values()].map(stoppedText),
    ...lostText(positions),
    ...(positions.length === 0 ? [] : ['', positionTable(positions)]),
  ].join('\n')
}

function countText(workers: number | null): string {
  if (workers === null) return 'an unknown number of workers'
  return `${workers} worker${workers === 1 ? '' : 's'}`
}

/** Partitions that the same code has stopped, and the remedy once. */
function stoppedText(entries: readonly StoppedEntry[]): string {
  const lines = entries.map(
    ({ group, topic, partition, code, since }) =>
      `✗ ${group}: ${topic}/${partition} is stopped since ${since} by ${code}`,
  )
  return [...lines, `    ${entries[0]?.remedy ?? ''}`].join('\n')
}

/** What the log has lost, also where no worker has come upon it yet, and the remedy once. */
function lostText(positions: Status['positions']): string[] {
  const lines = positions.flatMap(({ group, topic, partition, lost }) =>
    lost === null
      ? []
      : [
          `✗ ${group}: ${topic}/${partition}: offsets ${lost.first}..${lost.last} are gone before they were delivered`,
        ],
  )
  if (lines.length === 0) return []
  const remedy =
    'Find out whether the records exist elsewhere; if not, record the loss with `daybook offsets accept-gap` (docs/errors/DAYBOOK_ENGINE_LOG_LOST.md). Where that is done already, the worker goes on within a minute.'
  return [...lines, `    ${remedy}`]
}

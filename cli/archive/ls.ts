import type { Command } from 'commander'
import { type ListedObject, listObjects } from '../../evidence/list.ts'
import { type CommandContext, toJson, write } from '../command.ts'
import { NEEDS, settingsOf } from '../configuration.ts'
import { withBucket } from '../stores.ts'
import { repeatable, time, wholeNumber } from '../usage.ts'

interface LsOptions {
  readonly topic: readonly string[]
  readonly partition?: number
  readonly from?: number
  readonly to?: number
  readonly json?: true
}

/** `daybook archive ls` */
export function addLs(archive: Command, context: CommandContext): void {
  archive
    .command('ls')
    .summary('list archive objects')
    .description(
      'Lists the objects of the archive by topic, partition and offset. A second version or a delete marker behind a key is named: nobody but an intruder makes one. Nothing is verified here.',
    )
    .addOption(repeatable('--topic <topic>', 'only this one', 'DAYBOOK_TOPICS'))
    .option('--partition <n>', 'only this one', wholeNumber('--partition'))
    .option('--from <time>', 'minutes from this one on (UTC)', time('--from'))
    .option('--to <time>', 'minutes before this one', time('--to'))
    .option('--json', 'one JSON object a line')
    .addHelpText('after', '\nExample:\n  daybook archive ls --from 2026-11-21T10:00Z --to 2026-11-21T11:00Z')
    .action((options: LsOptions) => ls(context, options))
}

async function ls(context: CommandContext, options: LsOptions): Promise<void> {
  const { topics } = settingsOf(context.env, NEEDS.s3)
  await withBucket(context.env, async (store) => {
    for (const topic of options.topic.length > 0 ? options.topic : topics) {
      const filter = {
        topic,
        ...(options.partition === undefined ? {} : { partition: options.partition }),
        minutes: minutesOf(options),
      }
      for await (const listed of listObjects({ store }, filter, context.signal)) {
        const line = options.json === true ? toJson(describe(listed)) : text(listed)
        if (!(await write(context.stdout, `${line}\n`))) return
      }
    }
  })
}

function minutesOf({ from, to }: Pick<LsOptions, 'from' | 'to'>) {
  return { ...(from === undefined ? {} : { fromMs: from }), ...(to === undefined ? {} : { toMs: to }) }
}

function describe({ key, name, version, extraVersions, deleteMarkers }: ListedObject) {
  const { topic, topicId, partition, first, minute } = name
  return {
    ...{ key, topic, topicId, partition, first },
    minute: new Date(minute).toISOString(),
    ...{ sizeBytes: version.sizeBytes, versionId: version.versionId, extraVersions, deleteMarkers },
  }
}

function text({ key, version, extraVersions, deleteMarkers }: ListedObject): string {
  const odd = [
    ...(extraVersions > 0 ? [`${extraVersions} LATER VERSIONS`] : []),
    ...(deleteMarkers > 0 ? [`${deleteMarkers} DELETE MARKERS`] : []),
  ]
  return [String(version.sizeBytes).padStart(10), key, ...odd].join('  ')
}

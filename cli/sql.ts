import type { Register } from './command.ts'
import { EXIT, write } from './command.ts'
import { resolveEndpoints } from './endpoints.ts'

/** `daybook sql <query>`: asks ClickHouse and streams the answer. */
export const registerSql: Register = (program, context) => {
  program
    .command('sql')
    .description('Ask ClickHouse. The answer is streamed; views: daybook.audit, daybook.conflicts')
    .argument('<query>', 'one SQL statement')
    .option('--format <name>', 'a ClickHouse output format', 'PrettyCompactMonoBlock')
    .option('--json', 'the same as --format JSONEachRow')
    .action(async (query: string, options: { format: string; json?: true }) => {
      const { clickhouse } = await resolveEndpoints(context.env)
      const url = new URL(clickhouse.url)
      url.searchParams.set('default_format', options.json === true ? 'JSONEachRow' : options.format)
      const answer = await fetch(url, {
        method: 'POST',
        body: query,
        headers: { 'x-clickhouse-user': clickhouse.user, 'x-clickhouse-key': clickhouse.password },
        signal: context.signal,
      })
      if (!answer.ok) {
        context.stderr.write(`${await answer.text()}\n`)
        context.setExitCode(EXIT.failed)
        return
      }
      for await (const chunk of answer.body ?? []) if (!(await write(context.stdout, chunk))) return
    })
}

import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'
import { configTable } from '../../../runtime/config.ts'
import { COLD_FIELDS, HOT_FIELDS } from '../../../runtime/worker-config.ts'

const INTRODUCTION =
  'Workers read environment variables, once, when they start. A key that is empty counts as not set. Where the ' +
  'table says "or `…_FILE`", the value may stand in a file that this key names; a line break at its end is dropped. ' +
  'All faults are reported at once, and `--check-config` checks without starting.'

const LOCAL_START =
  '`npm start` and the `daybook` commands read these too. A variable that names a server takes the place of the local ' +
  'one (`DAYBOOK_KAFKA_BROKERS`, `DAYBOOK_REGISTRY_URL`, `DAYBOOK_CLICKHOUSE_URL`, `DAYBOOK_S3_ENDPOINT`); a login ' +
  'whose server is not named ends `npm start` at once. The workers of a local start get every variable above that is ' +
  'set.\n\n' +
  '| key | meaning | default | example |\n|---|---|---|---|\n' +
  '| `DAYBOOK_DATA_DIR` | Folder of the local stack: its data, logs, keys and `stack.json`, by which the commands find it. | `.daybook` in the checkout | `/var/tmp/daybook` |\n' +
  '| `DAYBOOK_CACHE` | Folder of the programs that the first start downloads and builds. | `~/.cache/daybook` | `/opt/daybook-cache` |'

/** After a change of the keys: `npx vitest run test/unit/runtime/configuration-docs.test.ts --update`. */
it('docs/configuration.md shows the keys as the code reads them', async () => {
  const page = [
    '# Configuration of the workers',
    INTRODUCTION,
    '## Hot worker',
    configTable(HOT_FIELDS),
    '## Cold worker',
    configTable(COLD_FIELDS),
    '## The local start',
    LOCAL_START,
  ].join('\n\n')
  await expect(`${page}\n`).toMatchFileSnapshot(
    fileURLToPath(new URL('../../../docs/configuration.md', import.meta.url)),
  )
})

import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'
import { configTable } from '../../../runtime/config.ts'
import { COLD_FIELDS, HOT_FIELDS } from '../../../runtime/worker-config.ts'

const INTRODUCTION =
  'Workers read environment variables, once, when they start. A key that is empty counts as not set. Where the ' +
  'table says "or `…_FILE`", the value may stand in a file that this key names; a line break at its end is dropped. ' +
  'All faults are reported at once, and `--check-config` checks without starting.'

/** After a change of the keys: `npx vitest run test/unit/runtime/configuration-docs.test.ts --update`. */
it('docs/configuration.md shows the keys as the code reads them', async () => {
  const page = [
    '# Configuration of the workers',
    INTRODUCTION,
    '## Hot worker',
    configTable(HOT_FIELDS),
    '## Cold worker',
    configTable(COLD_FIELDS),
  ].join('\n\n')
  await expect(`${page}\n`).toMatchFileSnapshot(
    fileURLToPath(new URL('../../../docs/configuration.md', import.meta.url)),
  )
})

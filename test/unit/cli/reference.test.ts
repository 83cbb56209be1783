import { PassThrough } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'
import { createProgram } from '../../../cli/program.ts'
import { cliReference } from '../../../cli/reference.ts'

/** After a change of a command: `npx vitest run test/unit/cli/reference.test.ts --update`. */
it('docs/cli.md shows the commands as the program defines them', async () => {
  const program = createProgram({
    env: {},
    stdin: new PassThrough(),
    stdout: new PassThrough(),
    stderr: new PassThrough(),
    signal: new AbortController().signal,
    setExitCode: () => {},
  })
  await expect(cliReference(program)).toMatchFileSnapshot(
    fileURLToPath(new URL('../../../docs/cli.md', import.meta.url)),
  )
})

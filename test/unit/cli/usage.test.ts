import { PassThrough } from 'node:stream'
import { describe, expect, it } from 'vitest'
import { EXIT, exitCodeOfError } from '../../../cli/command.ts'
import { createProgram } from '../../../cli/program.ts'
import { cliReference } from '../../../cli/reference.ts'

function program() {
  return createProgram({
    env: {},
    stdin: new PassThrough(),
    stdout: new PassThrough(),
    stderr: new PassThrough(),
    signal: new AbortController().signal,
    setExitCode: () => {},
  })
}

describe('an option', () => {
  it.each(['nonsense', '0199f3c2-7c1a-7000-8000', '0199f3c2-7c1a-7000-8000-0000000000aag'])(
    'that takes a UUID refuses %s as a mistake in the command line',
    async (text) => {
      const argv = ['node', 'daybook', 'archive', 'get', '--event-id', text]
      const error = await program()
        .parseAsync(argv)
        .catch((reason: unknown) => reason)
      expect(error).toMatchObject({
        code: 'DAYBOOK_CLI_USAGE',
        message: expect.stringContaining(`--event-id ${text} is no UUID`),
      })
      expect(exitCodeOfError(error)).toBe(EXIT.usage)
    },
  )

  it('that may be repeated says what stands for it where it is not given, not how the program holds that', () => {
    const reference = cliReference(program())
    expect(reference).toContain('(default: DAYBOOK_TOPICS)')
    expect(reference).not.toMatch(/default: [[{]/)
  })
})

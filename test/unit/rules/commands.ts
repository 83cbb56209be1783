import { PassThrough } from 'node:stream'
import type { Command } from 'commander'
import { createProgram } from '../../../cli/program.ts'

const program = createProgram({
  env: {},
  stdin: new PassThrough(),
  stdout: new PassThrough(),
  stderr: new PassThrough(),
  signal: new AbortController().signal,
  setExitCode: () => {},
})

/** `daybook archive ls --from …` up to where the command line ends in a text. */
const COMMAND_LINE = /(?<![\w./@'"-])(?:npm run daybook --|daybook) ([a-z<…][^\n`]*)/g

/** What is wrong with the `daybook` command lines in `text`. */
export function wrongCommands(text: string): readonly string[] {
  return [...text.matchAll(COMMAND_LINE)].flatMap(([line, tail]) => {
    const wrong = wrongIn((tail ?? '').split(/\\n| [|>#] /)[0] ?? '')
    return wrong === null ? [] : `${line.slice(0, 80)}: ${wrong}`
  })
}

function wrongIn(tail: string): string | null {
  const words = tail.split(/ +/).map((word) => word.replace(/[).,;:'"\\]+$/, ''))
  let command = program
  let at = 0
  for (; command.commands.length > 0 && at < words.length; at++) {
    const word = words[at] ?? ''
    if (!/^[a-z][a-z-]*$/.test(word)) break
    const inner = command.commands.find((each) => each.name() === word)
    if (inner === undefined) return `there is no command "${word}" in "${command.name()}"`
    command = inner
  }
  return wrongOption(command, words.slice(at))
}

function wrongOption(command: Command, words: readonly string[]): string | null {
  for (const [index, word] of words.entries()) {
    const name = /^--[a-z][a-z-]*/.exec(word)?.[0]
    if (name === undefined || name === '--help') continue
    const option = command.options.find((each) => each.long === name)
    if (option === undefined) return `"${command.name()}" has no option ${name}`
    const value = words[index + 1]
    if (
      option.argChoices &&
      value !== undefined &&
      /^[a-z]/.test(value) &&
      !option.argChoices.includes(value)
    )
      return `${name} takes ${option.argChoices.join(' or ')}`
  }
  return null
}

/** Options of all commands, as `--topic`. */
export function commandOptions(command: Command = program): readonly string[] {
  return [
    ...command.options.flatMap(({ long }) => long ?? []),
    ...command.commands.flatMap((inner) => commandOptions(inner)),
  ]
}

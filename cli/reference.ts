import type { Command } from 'commander'
import { EXIT, EXIT_MEANING } from './command.ts'

const WIDTH = 110

/** The page docs/cli.md: every command as its `--help` shows it. */
export function cliReference(program: Command): string {
  const codes = Object.entries(EXIT_MEANING).map(([name, meaning]) => {
    const code = Object.entries(EXIT).find(([known]) => known === name)?.[1]
    return `| ${code} | ${meaning} |`
  })
  const pages = commandsOf(program).map(({ path, command }) =>
    [`## ${path}`, ['```', helpOf(command), '```'].join('\n')].join('\n\n'),
  )
  return `${[
    '# The command line',
    INTRODUCTION,
    ['| exit code | meaning |', '|---|---|', ...codes].join('\n'),
    ...pages,
  ].join('\n\n')}\n`
}

const INTRODUCTION = `\`npx daybook <command>\`, in a checkout \`npm run -s daybook -- <command>\`. Answers go to standard output: text for
people, or JSON with \`--json\` (offsets as strings), made for \`jq\`. Progress goes to standard error, and only on a
terminal. A closed pipe (\`| head\`) ends a command without an error. Servers are found by the variables of
[configuration.md](configuration.md); what is not set comes from the start that runs on this machine.`

interface Named {
  readonly path: string
  readonly command: Command
}

/** Those that do something, not the groups. */
function commandsOf(command: Command, above = ''): readonly Named[] {
  const path = `${above} ${command.name()}`.trim()
  const inner = command.commands.filter((each) => each.name() !== 'help')
  if (inner.length === 0) return [{ path, command }]
  return inner.flatMap((each) => commandsOf(each, path))
}

function helpOf(command: Command): string {
  let text = ''
  command.configureOutput({
    writeOut: (part) => {
      text += part
    },
    getOutHelpWidth: () => WIDTH,
    getOutHasColors: () => false,
  })
  command.outputHelp()
  return text.trim()
}

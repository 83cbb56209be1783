import type { Command } from 'commander'
import { EXIT as WORKER_EXIT, EXIT_MEANING as WORKER_EXIT_MEANING } from '../runtime/exit-codes.ts'
import { EXIT, EXIT_MEANING } from './command.ts'

const WIDTH = 110

/** The page docs/cli.md: every command as its `--help` shows it. */
export function cliReference(program: Command): string {
  const pages = commandsOf(program).map(({ path, command }) =>
    [`## ${path}`, ['```', helpOf(command), '```'].join('\n')].join('\n\n'),
  )
  return `${[
    '# The command line',
    INTRODUCTION,
    codeTable(EXIT, EXIT_MEANING),
    WORKERS,
    codeTable(WORKER_EXIT, WORKER_EXIT_MEANING),
    ...pages,
  ].join('\n\n')}\n`
}

const INTRODUCTION = `\`npx daybook <command>\`, in a checkout \`npm run -s daybook -- <command>\`. Answers go to standard output: text for
people, or JSON with \`--json\` (offsets as strings), made for \`jq\`. Progress goes to standard error, and only on a
terminal. A closed pipe (\`| head\`) ends a command without an error. Servers are found by the variables of
[configuration.md](configuration.md); what is not set comes from the start that runs on this machine.`

const WORKERS =
  'The workers (`consumers/hot-main.ts` and `consumers/cold-main.ts`, with `--check-config` too) have codes of their own, after sysexits(3):'

function codeTable(
  codes: Readonly<Record<string, number>>,
  meanings: Readonly<Record<string, string>>,
): string {
  const rows = Object.entries(codes).map(([name, code]) => `| ${code} | ${meanings[name]} |`)
  return ['| exit code | meaning |', '|---|---|', ...rows].join('\n')
}

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

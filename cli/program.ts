import { Command } from 'commander'
import { VERSION } from '../schemas/version.ts'
import { registerArchive } from './archive/register.ts'
import type { CommandContext, Register } from './command.ts'
import { registerEmit } from './emit/register.ts'
import { registerOffsets } from './offsets/register.ts'
import { registerQuarantine } from './quarantine/register.ts'
import { registerSchemaCommands } from './schema/register.ts'
import { registerSql } from './sql.ts'
import { registerStatus } from './status/register.ts'

const COMMANDS: readonly Register[] = [
  registerStatus,
  registerEmit,
  registerSql,
  registerArchive,
  registerQuarantine,
  registerOffsets,
  registerSchemaCommands,
]

/** The whole command line. Throws CommanderError instead of ending the process. */
export function createProgram(context: CommandContext): Command {
  const program = new Command('daybook')
    .description('Daybook: emit, query, and prove audit events.')
    .version(VERSION)
    .exitOverride()
    .configureOutput({
      writeOut: (text) => context.stdout.write(text),
      writeErr: (text) => context.stderr.write(text),
    })
    .showSuggestionAfterError()
    .addHelpText('after', CONFIGURATION)
  for (const register of COMMANDS) register(program, context)
  return program
}

const CONFIGURATION = `
Servers are found by the variables of docs/configuration.md (DAYBOOK_KAFKA_BROKERS, …); what is not set comes from
the start that runs on this machine (\`npm start\`). Exit codes and every command: docs/cli.md.`

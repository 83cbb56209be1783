/** Small signed objects of the archive besides its files: who started a tree, and which losses were accepted. */
import { openNote, signNote } from '../../proof/note.ts'
import type { PartitionRef } from '../engine/contracts.ts'
import { type ColdContext, trustedKeys } from './options.ts'

/** Lines `name value` behind a title and the log id. Values are one line of printable text. */
export function statementText(
  title: string,
  logId: string,
  fields: Readonly<Record<string, string>>,
): string {
  const lines = Object.entries(fields).map(([name, value]) => {
    if (/[\p{Cc}]/u.test(value) || value === '')
      throw new RangeError(`${name} is to be one line of text, not empty`)
    return `${name} ${value}\n`
  })
  return `${title}\n${logId}\n${lines.join('')}`
}

export function signStatement(
  context: ColdContext,
  partition: PartitionRef,
  title: string,
  fields: Readonly<Record<string, string>>,
): string {
  const keyName = context.logIdOf(partition)
  const text = statementText(title, keyName, fields)
  return signNote({ text, keyName, signer: context.signer, sha256: context.crypto.sha256 })
}

/** The fields of a statement about this partition by a trusted key, or null. */
export function openStatement(
  context: ColdContext,
  partition: PartitionRef,
  title: string,
  note: string,
): ReadonlyMap<string, string> | null {
  const keyName = context.logIdOf(partition)
  const opened = openNote({ note, keyName, publicKeys: trustedKeys(context), crypto: context.crypto })
  if (!opened.ok || !opened.text.startsWith(`${title}\n${keyName}\n`)) return null
  const fields = new Map<string, string>()
  for (const line of opened.text.split('\n').slice(2, -1)) {
    const space = line.indexOf(' ')
    fields.set(line.slice(0, space), line.slice(space + 1))
  }
  return fields
}

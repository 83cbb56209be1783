/**
 * Writes schemas/generated/ from schemas/avro/. Run `node schemas/generate.ts` after a change of the schema; a test
 * fails when the committed output is not what this gives.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { generateEncoder } from './generate-encoder.ts'
import { generateTypes } from './generate-types.ts'

const SCHEMA_FILE = 'avro/audit-event.v1.avsc'

/** Contents of the generated files, by path relative to schemas/. */
export function generatedFiles(schemaText: string): ReadonlyMap<string, string> {
  const schema: unknown = JSON.parse(schemaText)
  return new Map([
    ['generated/audit-event.ts', generateTypes(schema, SCHEMA_FILE)],
    ['generated/encode-audit-event.ts', generateEncoder(schema, SCHEMA_FILE)],
  ])
}

export function readEventSchema(): string {
  return readFileSync(new URL(SCHEMA_FILE, import.meta.url), 'utf8')
}

if (import.meta.main) {
  for (const [path, content] of generatedFiles(readEventSchema())) {
    writeFileSync(new URL(path, import.meta.url), content)
  }
}

import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const ROOT = fileURLToPath(new URL('../../../', import.meta.url))

export interface Text {
  /** From the root of the repository. */
  readonly file: string
  readonly text: string
}

const OTHERS = /(^|\/)(node_modules|dist|\.git|\.daybook)(\/|$)/
/** Where the product speaks to people: help, log lines, error messages, comments. */
const PRODUCT =
  /^(schemas|proof|runtime|consumers|evidence|operations|services|cli|infra|producers|start\.js)/

function filesIn(folder: string): readonly string[] {
  return readdirSync(join(ROOT, folder), { withFileTypes: true }).flatMap((entry) => {
    const file = folder === '' ? entry.name : `${folder}/${entry.name}`
    if (OTHERS.test(file) || entry.isSymbolicLink()) return []
    return entry.isDirectory() ? filesIn(file) : [file]
  })
}

/** Files of the work tree and the folders above them, without what is installed, built or measured. */
export const FILES: readonly string[] = filesIn('')
export const FOLDERS: ReadonlySet<string> = new Set(
  FILES.flatMap((file) => [...file.matchAll(/\//g)].map((slash) => file.slice(0, slash.index))),
)

function read(file: string): Text {
  return { file, text: readFileSync(join(ROOT, file), 'utf8') }
}

/** The changelog tells of what is gone, so it is no witness for what exists. */
export const DOCUMENTS: readonly Text[] = FILES.filter(
  (file) => file.endsWith('.md') && file !== 'CHANGELOG.md',
).map(read)
export const SOURCES: readonly Text[] = FILES.filter((file) =>
  /\.(ts|js|cjs|sql|sh|yml|yaml)$/.test(file),
).map(read)
export const PRODUCT_SOURCES: readonly Text[] = SOURCES.filter(({ file }) => PRODUCT.test(file))

/** Prose with each paragraph in one line, so that a name that was wrapped is whole; code blocks as they are. */
export function unwrapped(document: string): string {
  return document
    .split(/^(```[\s\S]*?^```)/m)
    .map((part) => (part.startsWith('```') ? part : part.replaceAll(/(?<!\n)\n(?![\n|#>-])/g, ' ')))
    .join('')
}

/** What stands in single backticks. */
export function codeSpans(document: string): readonly string[] {
  const prose = unwrapped(document).replaceAll(/^```[\s\S]*?^```/gm, '')
  return [...prose.matchAll(/`([^`\n]+)`/g)].flatMap(([, span]) => span ?? [])
}

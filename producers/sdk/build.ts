/**
 * Builds what applications install: ES modules, CommonJS and types for Node ≥ 20 under dist/, the imported schema
 * files among them. Run: `npm run build -w @daybook/sdk`.
 */
import { execFileSync } from 'node:child_process'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const here = dirname(fileURLToPath(import.meta.url))
const root = join(here, '..', '..')
const out = join(here, 'dist')

const COMMON = {
  target: 'es2023',
  lib: ['es2024'],
  types: ['node'],
  moduleDetection: 'force',
  strict: true,
  noUncheckedIndexedAccess: true,
  exactOptionalPropertyTypes: true,
  rewriteRelativeImportExtensions: true,
  declaration: true,
  sourceMap: false,
  skipLibCheck: true,
  noEmit: false,
  rootDir: root,
  typeRoots: [join(root, 'node_modules/@types')],
}

const FORMATS = {
  esm: { module: 'nodenext', moduleResolution: 'nodenext' },
  cjs: { module: 'commonjs', moduleResolution: 'bundler' },
} as const

rmSync(out, { recursive: true, force: true })
for (const [format, options] of Object.entries(FORMATS)) {
  const outDir = join(out, format)
  mkdirSync(outDir, { recursive: true })
  const project = join(out, `tsconfig.${format}.json`)
  const compilerOptions = { ...COMMON, ...options, outDir }
  writeFileSync(project, JSON.stringify({ compilerOptions, files: [join(here, 'src/index.ts')] }))
  execFileSync(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-p', project], {
    stdio: 'inherit',
  })
  writeFileSync(
    join(outDir, 'package.json'),
    `${JSON.stringify({ type: format === 'cjs' ? 'commonjs' : 'module' })}\n`,
  )
  rmSync(project)
}

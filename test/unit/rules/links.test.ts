import { readFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import { describe, expect, it } from 'vitest'
import { FILES, FOLDERS, ROOT, type Text, unwrapped } from './texts.ts'

const PAGES: readonly Text[] = FILES.filter((file) => file.endsWith('.md')).map((file) => ({
  file,
  text: readFileSync(join(ROOT, file), 'utf8'),
}))

interface Link {
  /** From the root of the repository; the root itself is `.`. */
  readonly path: string
  /** Of a heading; null where the link names none. */
  readonly anchor: string | null
}

function prose(text: string): string {
  return unwrapped(text)
    .replaceAll(/^```[\s\S]*?^```/gm, '')
    .replaceAll(/`[^`\n]*`/g, (span) => span.replaceAll(/[[\]()]/g, ' '))
}

/** Links to what stands in the repository: inline ones, images, and definitions. */
function linksIn({ file, text }: Text): readonly Link[] {
  const targets = [
    ...prose(text).matchAll(/\]\(\s*<?([^)\s>]+)>?[^)]*\)/g),
    ...prose(text).matchAll(/^\[[^\]]+\]:\s*<?([^\s>]+)/gm),
  ].flatMap(([, target]) => target ?? [])
  return targets
    .filter((target) => !/^[a-z][a-z+.-]*:/i.test(target))
    .map((target) => {
      const [path = '', anchor] = target.split('#')
      const isHere = path === ''
      const whole = isHere ? file : normalize(join(dirname(file), decodeURIComponent(path)))
      return { path: whole.replace(/\/$/, ''), anchor: anchor ?? null }
    })
}

/** The anchors that GitHub gives a page's headings. */
function anchorsOf(text: string): ReadonlySet<string> {
  const anchors = new Set<string>()
  for (const [, heading = ''] of text
    .replaceAll(/^```[\s\S]*?^```/gm, '')
    .matchAll(/^#{1,6}\s+(.+?)\s*#*$/gm)) {
    const slug = heading
      .replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1')
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
      .replaceAll(/\s/g, '-')
    let anchor = slug
    for (let again = 1; anchors.has(anchor); again++) anchor = `${slug}-${again}`
    anchors.add(anchor)
  }
  return anchors
}

function isThere(path: string): boolean {
  return path === '.' || FILES.includes(path) || FOLDERS.has(path)
}

/** What a link may lead to that is no file of ours is a fault, and so is a heading that the page does not have. */
function brokenLinks(page: Text, pages: readonly Text[] = PAGES): readonly string[] {
  return linksIn(page).flatMap(({ path, anchor }) => {
    if (path !== page.file && !isThere(path)) return [`${page.file}: ${path} does not exist`]
    if (anchor === null) return []
    const target = pages.find(({ file }) => file === path)
    if (target !== undefined && anchorsOf(target.text).has(anchor)) return []
    return [`${page.file}: ${path} has no heading #${anchor}`]
  })
}

/** Pages that a reader gets to from the README; a link to a folder shows what lies in it. */
function reached(): ReadonlySet<string> {
  const seen = new Set(['README.md'])
  // A set is gone through to what is added meanwhile.
  for (const file of seen) {
    const page = PAGES.find((one) => one.file === file)
    if (page === undefined) continue
    for (const { path } of linksIn(page)) {
      if (path.endsWith('.md')) seen.add(path)
      for (const other of PAGES) if (dirname(other.file) === path) seen.add(other.file)
    }
  }
  return seen
}

describe('links between pages', () => {
  it('lead to files, folders and headings that exist', () => {
    expect(PAGES.flatMap((page) => brokenLinks(page))).toEqual([])
  })

  it('lead from the README to every page', () => {
    const pages = reached()
    expect(PAGES.map(({ file }) => file).filter((file) => !pages.has(file))).toEqual([])
  })

  it('lead from the index of decisions to each of them', () => {
    const index = PAGES.find(({ file }) => file === 'docs/decisions/README.md')
    const listed = new Set(index === undefined ? [] : linksIn(index).map(({ path }) => path))
    const decisions = PAGES.map(({ file }) => file).filter((file) =>
      /^docs\/decisions\/(?!README)/.test(file),
    )
    expect(decisions.filter((file) => !listed.has(file))).toEqual([])
  })
})

describe('a link that leads nowhere is found', () => {
  const page = (text: string): Text => ({ file: 'docs/page.md', text })

  it.each([
    ['a file', '[x](no-such-page.md)'],
    ['a file, in a wrapped line', 'see [the\npage](no-such-page.md) there'],
    ['a file one folder too high', '[x](../../README.md)'],
    ['a definition', '[x]\n\n[x]: no-such-page.md'],
    ['an image', '![x](no-such-image.png)'],
    ['a heading of another page', '[x](guide.md#no-such-heading)'],
    ['a heading of the same page', '# A page\n\n[x](#another-page)'],
    ['a second heading that is only there once', '# A page\n\n[x](#a-page-1)'],
    ['a heading that stands in an example', '```\n# Not here\n```\n\n[x](#not-here)'],
  ])('%s', (_, text) => {
    const own = page(text)
    expect(brokenLinks(own, [...PAGES, own])).toHaveLength(1)
  })

  it.each([
    ['a page and its heading', '[x](guide.md#how-daybook-works)'],
    ['a heading with code and signs', '# Why `a.b` (and c)?\n\n[x](#why-ab-and-c)'],
    ['a heading that is there twice', '# A page\n\n# A page\n\n[x](#a-page-1)'],
    ['another site', '[x](https://example.com/no.md)'],
    ['what is only shown', '`[x](no-such-page.md)`'],
    ['a folder', '[x](decisions/)'],
  ])('%s is none', (_, text) => {
    const own = page(text)
    expect(brokenLinks(own, [...PAGES, own])).toEqual([])
  })
})

import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { posix, resolve } from 'node:path'
import t from 'tap'
import { routes } from '../../src/contract/routes.ts'
import { programOf } from '../programs.ts'
import { documents } from './documents.ts'

/** README stays short, links lead on, and the commands of the documents are there. */

const root = resolve(import.meta.dirname, '../..')

/** Commands and samples are no text: nothing in them is a link or a heading. */
const withoutCode = (text: string): string =>
  text
    .replace(/^ *```[^]*?^ *```$/gm, '')
    .replace(/`[^`\n]*`/g, (code) => code.replace(/[[\]()]/g, ''))

/** The anchors of a document's headings, as GitHub makes them. */
const anchorsOf = (text: string): Set<string> => {
  const anchors = new Set<string>()
  for (const [, heading = ''] of withoutCode(text).matchAll(/^#{1,6} (.+)$/gm)) {
    const plain = heading.replace(/\[([^\]]*)\]\([^)]*\)/g, '$1').toLowerCase()
    const anchor = plain.replace(/[^\p{L}\p{N}\p{M}_ -]/gu, '').replaceAll(' ', '-')
    let unique = anchor
    for (let count = 1; anchors.has(unique); count += 1) unique = `${anchor}-${count}`
    anchors.add(unique)
  }
  return anchors
}

t.test('anchors are those of GitHub', async (t) => {
  const text = '# What `up` does: first\n## Qué pasa\n## Qué pasa\n```sh\n# no heading\n```\n'
  t.same([...anchorsOf(text)], ['what-up-does-first', 'qué-pasa', 'qué-pasa-1'])
})

t.test('each relative link leads to a file and a heading that exist', async (t) => {
  let count = 0
  for (const [path, text] of documents) {
    for (const [, link = ''] of withoutCode(text).matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^[a-z]+:/.test(link)) continue
      count += 1
      const [file = '', anchor] = link.split('#')
      const target =
        file === '' ? path : posix.normalize(posix.join(posix.dirname(path), decodeURI(file)))
      t.ok(existsSync(resolve(root, target)), `${path}: ${link} is there`)
      if (anchor === undefined) continue
      const linked = documents.get(target)
      t.ok(
        linked !== undefined && anchorsOf(linked).has(decodeURI(anchor)),
        `${path}: ${link} is a heading`
      )
    }
  }
  t.ok(count > 20, `${count} links`)
})

t.test('README is at most 12 KB: eight minutes of reading', async (t) => {
  const size = Buffer.byteLength(documents.get('README.md') ?? '')
  t.ok(size > 0 && size <= 12_288, `${size} bytes`)
})

t.test('each request by curl is a route of the hub', async (t) => {
  const served = Object.values(routes).map(
    (route) => new RegExp(`^${route.replaceAll('.', '\\.').replace(/:\w+/g, '[^/]+')}$`)
  )
  const requests = [...documents].flatMap(([path, text]) =>
    [...text.matchAll(/curl .*?http:\/\/127\.0\.0\.1:3012(\/[^\s'`?]*)/g)].map(
      ([command, route = '']) => {
        const method =
          /-X ([A-Z]+)/.exec(command)?.[1] ?? (command.includes('--data-binary') ? 'POST' : 'GET')
        return { path, request: `${method} ${route}` }
      }
    )
  )
  t.ok(requests.length >= 30, `${requests.length} requests`)
  for (const { path, request } of requests)
    t.ok(
      served.some((route) => route.test(request)),
      `${path}: ${request}`
    )
})

t.test('each command of leadmaster that the documents show is one', async (t) => {
  const help = execFileSync(process.execPath, [programOf('admin/cli'), '--help'], {
    cwd: root,
    encoding: 'utf8'
  })
  const commands = new Set([...help.matchAll(/^  ([a-z-]+) {2,}\S/gm)].map(([, name]) => name))
  const shown = [...documents].flatMap(([path, text]) =>
    [...text.matchAll(/(?:^|`|npx )leadmaster ([a-z][a-z-]*)/gm)].map(([, name = '']) => ({
      path,
      name
    }))
  )
  t.ok(
    commands.size > 5 && shown.length > 20,
    `${commands.size} commands, shown ${shown.length} times`
  )
  for (const { path, name } of shown) t.ok(commands.has(name), `${path}: leadmaster ${name}`)
})

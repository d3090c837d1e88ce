import { readFileSync } from 'node:fs'
import type { Scenario } from './api.ts'

/**
 * What Meta's build does with its sources, done as a script is served: the dependencies of each
 * module are listed, and what it makes is assigned to its exports. `scenario.renamed` names words
 * that this build has renamed.
 */

const pageDirectory = new URL('page/', import.meta.url)

/** Scripts of modules; stub.js and loader.js come as they are. */
const isBundle = (name: string): boolean => name !== 'stub.js' && name !== 'loader.js'

const header = `{
  const dependenciesOf = (make) => [...new Set([...String(make).matchAll(/\\buse\\('([\\w.]+)'\\)/g)].map(([, name]) => name))]
  const bundle = (name, make, dependencies = dependenciesOf(make)) =>
    __d(name, dependencies, function (global, require, importDefault, importNamespace, requireLazy, module, exports) {
      Object.defineProperties(exports, Object.getOwnPropertyDescriptors(make(require, exports)))
    }, 98)
  bundle.default = (name, make) =>
    __d(name, dependenciesOf(make), function (global, require, importDefault, importNamespace, requireLazy, module, exports) {
      exports.default = make(require, exports)
    }, 98)
`

/** @throws ENOENT when there is no such script */
export const buildScript = (
  name: string,
  { renamed, own }: Pick<Scenario, 'renamed' | 'own'>
): string => {
  const source = name === 'own.js' ? own : readFileSync(new URL(name, pageDirectory), 'utf8')
  if (!isBundle(name)) return source
  const words = Object.keys(renamed)
  if (words.length === 0) return `${header}${source}}\n`
  const anyOf = new RegExp(`\\b(?:${words.join('|')})\\b`, 'g')
  return `${header}${source.replace(anyOf, (word) => renamed[word] as string)}}\n`
}

/** The page itself. In the era `next` some modules come only when they are first needed. */
export const buildPage = (shown: Pick<Scenario, 'web'> & Record<string, unknown>): string =>
  readFileSync(new URL('index.html', pageDirectory), 'utf8')
    .replace('SCENARIO', JSON.stringify(shown))
    .replace('LAZY', shown.web === 'next' ? '' : '<script src="/lazy.js"></script>')

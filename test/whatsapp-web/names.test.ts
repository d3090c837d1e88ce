import { readFileSync } from 'node:fs'
import t from 'tap'
import { openPage } from './client.ts'
import { deviations } from './deviations.ts'

/**
 * What a simulated module offers is what the real one exports: modules-2026-04.json has the names,
 * read off public dumps of April 2026. What is other is listed in deviations.ts with its reason.
 */

const { modules: real } = JSON.parse(
  readFileSync(new URL('modules-2026-04.json', import.meta.url), 'utf8')
) as { modules: Record<string, string[]> }

/** `Module`, or `Module.name`, of all that the page offers. */
const offered = async (t: Parameters<typeof openPage>[0]): Promise<Record<string, string[]>> => {
  const { page } = await openPage(t, { scenario: { web: '2026-04' } })
  return page.evaluate(() => {
    type Scope = {
      require: (name: string) => { modulesMap: Record<string, unknown> }
      importNamespace: (name: string) => object
    }
    const { require, importNamespace } = globalThis as unknown as Scope
    const names = Object.keys(require('__debug').modulesMap).filter((name) => /^WA/.test(name))
    return Object.fromEntries(names.map((name) => [name, Object.keys(importNamespace(name))]))
  })
}

t.test(
  'what the simulated modules offer is there in the real ones, or its absence has a reason',
  async (t) => {
    const found = await offered(t)
    t.ok(Object.keys(found).length > 150, `${Object.keys(found).length} modules`)
    const other = Object.entries(found).flatMap(([name, exports]) => {
      const known = real[name]
      // The modules of linking by passkey are younger than the list, and loaded when they are
      // needed.
      return known === undefined
        ? [name]
        : exports.filter((one) => !known.includes(one)).map((one) => `${name}.${one}`)
    })
    t.same(
      other.filter((path) => !(path in deviations)),
      [],
      'nothing is other without a reason'
    )
    t.same(
      Object.keys(deviations).filter((path) => !other.includes(path)),
      [],
      'no reason is left over'
    )
  }
)

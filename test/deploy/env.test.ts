import { readFile } from 'node:fs/promises'
import t from 'tap'
import { schema as centralHub } from '../../src/central-hub/config.ts'
import { fillEnvFile, parseEnvFile } from '../../src/platform/env-file.ts'
import { EnvironmentError } from '../../src/platform/env.ts'
import { schema as sessionManager } from '../../src/session-manager/config.ts'
import { readers, secret, type Service } from '../platform/env-cases.ts'

/** The templates in deploy/env against the schemas they are for. */

const services: Record<Service, { schema: Record<string, object>; tokens: string[] }> = {
  'session-manager': { schema: sessionManager, tokens: ['SESSION_MANAGER_TOKEN'] },
  'central-hub': { schema: centralHub, tokens: ['SESSION_MANAGER_TOKEN', 'HUB_API_TOKEN'] }
}

/** `NAME=value` lines: those in force and, without their #, those that are commented out. */
const assignments = (template: string, commented: boolean): string[] =>
  [...template.matchAll(commented ? /^#([A-Z_]+=.*)$/gm : /^([A-Z_]+=.*)$/gm)].map(
    ([, line = '']) => line
  )

for (const [service, { schema, tokens }] of Object.entries(services) as [
  Service,
  (typeof services)[Service]
][]) {
  t.test(`deploy/env/${service}.env`, async (t) => {
    const template = await readFile(
      new URL(`../../deploy/env/${service}.env`, import.meta.url),
      'utf8'
    )
    const filled = fillEnvFile(template, Object.fromEntries(tokens.map((name) => [name, secret])))
    const inForce = Object.keys(parseEnvFile(template))
    const optional = Object.keys(parseEnvFile(assignments(template, true).join('\n')))

    t.test('has every variable once, in the order of the schema, and nothing else', async (t) => {
      t.same([...inForce, ...optional], Object.keys(schema))
      t.equal(
        assignments(template, false).length + assignments(template, true).length,
        Object.keys(schema).length
      )
    })

    t.test('has in force what is required, and commented out what is optional', async (t) => {
      t.same(
        inForce,
        Object.keys(schema).filter((name) => !('default' in (schema[name] ?? {})))
      )
    })

    t.test('explains every variable in the lines before it', async (t) => {
      const lines = template.split('\n')
      for (const name of Object.keys(schema)) {
        let at = lines.findIndex((line) => line.replace(/^#/, '').startsWith(`${name}=`))
        while (/^#?[A-Z_]+=/.test(lines[at - 1] ?? '')) at -= 1 // a pair has one explanation
        t.match(lines[at - 1], /^# \S/, name)
      }
    })

    t.test('is accepted once its tokens are filled in', async (t) => {
      t.match(readers[service](parseEnvFile(filled)), {
        NODE_ENV: 'production',
        HOST: '127.0.0.1',
        STATE_DIR: `/var/lib/leadmaster/${service}`
      })
    })

    t.test('is refused as it is: every token is named', async (t) => {
      const faults = tokens.map(
        (name) => `${name} is empty: expected 32 to 512 letters, digits or any of -._~+/=`
      )
      t.throws(() => readers[service](parseEnvFile(template)), new EnvironmentError(faults))
    })

    t.test('what is commented out is the default that holds without it', async (t) => {
      const set = Object.entries(parseEnvFile(assignments(template, true).join('\n')))
      const without = readers[service](parseEnvFile(filled)) as Record<string, unknown>
      t.same(
        readers[service]({
          ...parseEnvFile(filled),
          ...Object.fromEntries(set.filter(([, value]) => value !== ''))
        }),
        without
      )
      for (const [name, value] of set)
        if (value === '')
          t.ok(Object.keys(without[name] as object).length === 0, `${name} is none by default`)
    })
  })
}

t.test('the two templates fit together', async (t) => {
  const [manager, hub] = (await Promise.all(
    ['session-manager', 'central-hub'].map(async (service) =>
      parseEnvFile(
        await readFile(new URL(`../../deploy/env/${service}.env`, import.meta.url), 'utf8')
      )
    )
  )) as [Record<string, string>, Record<string, string>]
  t.equal(hub['SESSION_MANAGER_BASE_URL'], `http://${manager['HOST']}:${manager['PORT']}`)
  t.same([manager['PORT'], hub['PORT']], ['3001', '3012'])
})

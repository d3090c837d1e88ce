import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { parseEnvFile } from '../../../src/platform/env-file.ts'
import { foreground, type Service } from './foreground.ts'

/** Services that a person started by hand: doctor finds each, however Node was told what to run. */

t.setTimeout(900_000)
const root = fileURLToPath(new URL('../../../', import.meta.url))
const rig = await foreground(t)
rig.writeEnvFiles()
const bin = join(rig.home, 'bin')
mkdirSync(bin)
for (const service of ['session-manager', 'central-hub'])
  symlinkSync(join(root, `src/${service}/main.ts`), join(bin, `${service}.ts`))

const file = (service: Service): string => join(rig.home, `${service}.env`)
const variables = (service: Service): Record<string, string> => ({
  ...parseEnvFile(readFileSync(file(service), 'utf8'))
})
const ways: Record<string, (service: Service) => { args: string[]; env?: Record<string, string> }> =
  {
    'its whole path': (service) => ({
      args: [join(root, `src/${service}/main.ts`)],
      env: variables(service)
    }),
    'its path from the clone': (service) => ({
      args: [`src/${service}/main.ts`],
      env: variables(service)
    }),
    'options of Node before it': (service) => ({
      args: ['--max-semi-space-size=1', '--conditions', 'x', `./src/${service}/main.ts`],
      env: variables(service)
    }),
    'a link to it': (service) => ({ args: [join(bin, `${service}.ts`)], env: variables(service) }),
    'an env file for Node': (service) => ({
      args: [`--env-file=${file(service)}`, `src/${service}/main.ts`]
    }),
    'an env file as an argument of its own, and two dashes': (service) => ({
      args: ['--env-file', file(service), '--', `src/${service}/main.ts`]
    })
  }

for (const [way, argumentsOf] of Object.entries(ways)) {
  t.test(`doctor finds services by ${way}`, async (t) => {
    await rig.startByHand(argumentsOf)

    const { ok, checks } = await rig.doctor()

    t.same(
      checks
        .filter(({ state }) => state === 'fault')
        .map(({ service, name, detail }) => `${service} ${name}: ${detail}`),
      []
    )
    t.equal(ok, true)
    t.match(
      checks.filter(({ name }) => name === 'running environment'),
      [{ state: 'ok' }, { state: 'ok' }]
    )
  })
}

t.test('doctor says that an env file of Node was changed after the start', async (t) => {
  await rig.startByHand(ways['an env file for Node'] as (typeof ways)[string])
  // the time of boot is known by the second
  await new Promise((resolve) => setTimeout(resolve, 1_500))
  writeFileSync(file('central-hub'), `${readFileSync(file('central-hub'), 'utf8')}# changed\n`)

  const { checks } = await rig.doctor()

  const [first] = checks.filter(({ state }) => state === 'fault')
  t.match(first, {
    service: 'central-hub',
    name: 'running environment',
    detail: /was changed after process \d+ was started with it/,
    mend: /^kill \d+ # then start central-hub again/
  })
})

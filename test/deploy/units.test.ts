import { execFile } from 'node:child_process'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import t, { type Test } from 'tap'
import { nodeOptions, type Service } from '../../scripts/unit-options.ts'
import { schema as centralHub } from '../../src/central-hub/config.ts'
import { schema as sessionManager } from '../../src/session-manager/config.ts'

/** The units in deploy/systemd as systemd reads them; test/root runs them on a booted one. */

const run = promisify(execFile)
const root = fileURLToPath(new URL('../../', import.meta.url))
const unitsDir = new URL('../../deploy/systemd/', import.meta.url)
const services = {
  'session-manager': { schema: sessionManager, other: centralHub, exposure: 2.2 },
  'central-hub': { schema: centralHub, other: sessionManager, exposure: 1.1 }
}

type Unit = Record<string, Record<string, string[]>>

/** Sections, directives, values; comments are dropped. */
const parse = (text: string): Unit => {
  const unit: Unit = {}
  let section: Record<string, string[]> = {}
  for (const line of text.split('\n')) {
    const [, name] = /^\[(\w+)\]$/.exec(line) ?? []
    const [, key, value = ''] = /^(\w+)=(.*)$/.exec(line) ?? []
    if (name !== undefined) section = unit[name] = {}
    else if (key !== undefined) (section[key] ??= []).push(value)
  }
  return unit
}
const read = (file: string): Promise<string> => readFile(new URL(file, unitsDir), 'utf8')
const unit = async (service: string): Promise<Unit> =>
  parse(await read(`leadmaster-${service}.service`))
const seconds = (span = ''): number => Number.parseInt(span, 10) * (span.endsWith('min') ? 60 : 1)
const words = (values: readonly string[] = []): string[] =>
  values.flatMap((value) => value.split(' ')).filter((word) => word !== '')

/** The units in a directory of their own, with a node that exists here. */
const installed = async (t: Test): Promise<string[]> => {
  const directory = t.testdir()
  const files = [
    'leadmaster-session-manager.service',
    'leadmaster-central-hub.service',
    'leadmaster-session-manager@.service',
    'leadmaster.target',
    'leadmaster-all.target',
    'leadmaster.again.target',
    'leadmaster.slice',
    'leadmaster-backup.service',
    'leadmaster-backup.timer'
  ]
  for (const file of files)
    await writeFile(
      join(directory, file),
      (await read(file)).replace('/opt/leadmaster/current/runtime/bin/node', process.execPath)
    )
  return files.map((file) => join(directory, file))
}

t.test('systemd-analyze verify has nothing to say', async (t) => {
  const { stdout, stderr } = await run('systemd-analyze', [
    'verify',
    '--man=no',
    ...(await installed(t))
  ])
  t.equal(stdout + stderr, '')
})

for (const [service, { schema, other, exposure }] of Object.entries(services) as [
  Service,
  (typeof services)[Service]
][]) {
  t.test(`leadmaster-${service}.service`, async (t) => {
    const { Unit, Service, Install } = await unit(service)

    t.test(`is exposed ${exposure} at most, by systemd-analyze security`, async (t) => {
      const files = await installed(t)
      const file = files.find((path) => path.endsWith(`-${service}.service`)) as string
      const { stdout } = await run('systemd-analyze', [
        'security',
        '--offline=true',
        '--no-pager',
        `--threshold=${Math.round(exposure * 10)}`,
        file
      ])
      t.comment(/Overall exposure level.*/.exec(stdout)?.[0])
      await t.rejects(
        run('systemd-analyze', ['security', '--offline=true', '--no-pager', '--threshold=1', file]),
        'a threshold is heeded'
      )
    })

    t.test(
      'tells its readiness and its health itself, from node as the main process',
      async (t) => {
        t.match(Service, { Type: ['notify'], NotifyAccess: ['main'] })
        t.same(Service?.['ExecStart'], [
          `/opt/leadmaster/current/runtime/bin/node ${nodeOptions(root, service).join(' ')} /opt/leadmaster/current/dist/${service}/main.js`
        ])
        t.same(
          nodeOptions(root, service).filter(
            (option) => !/^--max-semi-space-size=\d+$/.test(option)
          ),
          [],
          'what keeps the heap small, and does not have Node compile its own modules anew'
        )
        t.ok(seconds(Service?.['WatchdogSec']?.[0]) >= 10)
      }
    )

    t.test(
      'has its environment from one file; nothing is passed on from the manager',
      async (t) => {
        t.same(Service?.['EnvironmentFile'], [`/etc/leadmaster/${service}.env`])
        t.notOk(Service?.['PassEnvironment'])
        t.notOk(Service?.['Environment'])
        const unset = words(Service?.['UnsetEnvironment'])
        for (const name of Object.keys(other))
          if (!(name in schema)) t.ok(unset.includes(name), `${name} of the other service`)
        for (const name of unset)
          t.notOk(name in schema, `${name} is not its own: what is unset is lost from the file too`)
      }
    )

    t.test(
      'is restarted however it ended, forever, but not on a refused environment',
      async (t) => {
        t.match(Service, { Restart: ['always'], RestartPreventExitStatus: ['78'] })
        t.ok(seconds(Service?.['RestartSec']?.[0]) >= 1)
        t.same(Unit?.['StartLimitIntervalSec'], ['0'], 'no limit, and in [Unit], where it belongs')
        t.same(
          Object.keys(Service ?? {}).filter((key) => key.startsWith('StartLimit')),
          []
        )
      }
    )

    t.test('has time for its graceful stop, after which nothing is left of it', async (t) => {
      const own = (schema.SHUTDOWN_TIMEOUT as { default?: number }).default as number
      t.ok(seconds(Service?.['TimeoutStopSec']?.[0]) * 1_000 >= own + 5_000)
      t.match(Service, { KillMode: ['mixed'] })
      t.notOk(Service?.['SendSIGKILL'])
      const template = await readFile(
        new URL(`../../deploy/env/${service}.env`, import.meta.url),
        'utf8'
      )
      t.match(
        template,
        new RegExp(`TimeoutStopSec= of the unit, ${seconds(Service?.['TimeoutStopSec']?.[0])} s`),
        'the template says the same'
      )
    })

    t.test('belongs to the target, and has its state directory to itself', async (t) => {
      t.match(Unit, { PartOf: ['leadmaster.target'] })
      t.ok(words(Install?.['WantedBy']).includes('leadmaster.target'))
      t.match(Service, {
        User: ['leadmaster'],
        StateDirectory: [`leadmaster/${service}`],
        StateDirectoryMode: ['0700']
      })
    })

    t.test(
      "leaves Chromium's sandbox on, and asks for nothing newer than systemd 252",
      async (t) => {
        const text = await read(`leadmaster-${service}.service`)
        t.notMatch(text, /no-sandbox/)
        t.notMatch(text, /^(RestartMode|RestartSteps|RestartMaxDelaySec)=/m)
        t.notMatch(text, /notify-reload/)
      }
    )
  })
}

t.test(
  'the hub requires session-manager and comes after it; session-manager does not know the hub',
  async (t) => {
    const hub = await unit('central-hub')
    t.ok(words(hub['Unit']?.['Requires']).includes('leadmaster-session-manager.service'))
    t.ok(words(hub['Unit']?.['After']).includes('leadmaster-session-manager.service'))
    t.notOk(hub['Unit']?.['BindsTo'])
    t.ok(
      words(hub['Install']?.['WantedBy']).includes('leadmaster-session-manager.service'),
      'a start that failed is made up for'
    )
    const manager = await unit('session-manager')
    t.notMatch(JSON.stringify(manager['Unit']), /central-hub/)
  }
)

t.test('the target brings both up at boot', async (t) => {
  const target = parse(await read('leadmaster.target'))
  t.match(target, { Install: { WantedBy: ['multi-user.target'] } })
  t.notOk(
    words(target['Unit']?.['Wants']).some((unit) => unit.endsWith('.service')),
    'only what is enabled is started'
  )
})

t.test('the unit of a further account is that of the first, but for its names', async (t) => {
  const [first, further] = await Promise.all(
    ['leadmaster-session-manager.service', 'leadmaster-session-manager@.service'].map(read)
  )
  const [heading, ...lines] = further?.split('\n') ?? []
  t.match(heading, /^# leadmaster-session-manager\.service for a further account, %i/)
  t.equal(
    lines
      .join('\n')
      .replaceAll(/session-manager[-@]%i/g, 'session-manager')
      .replace(' of account %i', ''),
    first
  )
  t.match(further, /^EnvironmentFile=\/etc\/leadmaster\/session-manager-%i\.env$/m)
  t.match(further, /^StateDirectory=leadmaster\/session-manager-%i$/m)
})

t.test('all of it is in a slice with bounds, which each service’s own fit in', async (t) => {
  const { Slice } = parse(await read('leadmaster.slice'))
  t.match(Slice, { MemoryHigh: [/^\d+%$/], MemoryMax: [/^\d+%$/], TasksMax: [/^\d+$/] })
  for (const service of Object.keys(services)) {
    const { Service } = await unit(service)
    t.match(
      Service,
      {
        Slice: ['leadmaster.slice'],
        MemoryHigh: [/^\d+[MG]$/],
        MemoryMax: [/^\d+[MG]$/],
        TasksMax: [/^\d+$/],
        OOMPolicy: [/./]
      },
      service
    )
    t.ok(Number(Service?.['TasksMax']?.[0]) < Number(Slice?.['TasksMax']?.[0]))
  }
})

t.test(
  'leadmaster-backup.service comes after the services, as its timer says, and reaches no network',
  async (t) => {
    const file = (await installed(t)).find((path) => path.endsWith('-backup.service')) as string
    await run('systemd-analyze', [
      'security',
      '--offline=true',
      '--no-pager',
      '--threshold=15',
      file
    ])
    const { Service, Install } = parse(await read('leadmaster-backup.service'))
    t.match(Service, {
      Type: ['oneshot'],
      Slice: ['leadmaster.slice'],
      PrivateNetwork: ['yes'],
      Nice: ['10'],
      IOSchedulingClass: ['idle']
    })
    t.notOk(Install, 'it is the timer that is enabled')
    t.match(parse(await read('leadmaster-backup.timer')), {
      Timer: { OnCalendar: [/./], RandomizedDelaySec: [/./], Persistent: ['yes'] },
      Install: { WantedBy: ['timers.target leadmaster.target'] }
    })
  }
)

t.test('the rising delay, which systemd 252 does not know, is in a file of its own', async (t) => {
  t.match(parse(await read('rising-delay.conf')), {
    Service: { RestartSteps: ['5'], RestartMaxDelaySec: ['30s'] }
  })
})

t.test('without its sandbox Chromium is started nowhere in the sources', async (t) => {
  const { stdout } = await run('grep', ['-rlE', '--', '--no-sandbox', 'src', 'scripts', 'deploy'], {
    cwd: new URL('../../', import.meta.url)
  }).catch((error) => error as { stdout: string })
  t.equal(stdout, '')
})

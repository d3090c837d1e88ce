import { execFile, execFileSync } from 'node:child_process'
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import t from 'tap'
import { parseEnvFile } from '../../src/platform/env-file.ts'
import { bootMachine, type Machine } from './machine.ts'
import { root } from './running-up.ts'

/**
 * The Debian package that scripts/deb makes: lintian's judgement, and its life on a booted machine.
 */

t.setTimeout(1_800_000) // what is not installed yet is installed first

const run = promisify(execFile)
const options = { cwd: root, maxBuffer: 100 << 20 }
const services = ['session-manager', 'central-hub'] as const
const units = ['leadmaster.target', ...services.map((service) => `leadmaster-${service}.service`)]
const file = (service: string): string => `/etc/leadmaster/${service}.env`

const missing = ['lintian', 'ucf'].filter((program) => !existsSync(`/usr/bin/${program}`))
if (missing.length > 0) {
  execFileSync('apt-get', ['update', '-q'])
  execFileSync('apt-get', ['install', '-q', '--yes', '--no-install-recommends', ...missing], {
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  })
}

const work = mkdtempSync(join(tmpdir(), 'leadmaster-deb-test-'))
t.teardown(() => rmSync(work, { recursive: true, force: true }))
const { stdout } = await run('scripts/deb', ['--output', work, '--compress', 'gzip:1'], options)
const first = stdout.trim()

/** The same with a higher version, and with a template that says more. */
const second = async (): Promise<string> => {
  const tree = join(work, 'second')
  await run('sh', [
    '-ec',
    `
    dpkg-deb --raw-extract '${first}' '${tree}'
    sed -i 's/^Version: .*/&+second/' '${tree}/DEBIAN/control'
    for service in ${services.join(' ')}; do echo '# new in this version' >>'${tree}/usr/lib/leadmaster/deploy/env/'$service.env; done
    dpkg-deb --root-owner-group -Znone --build '${tree}' '${work}/second.deb'
    rm -rf '${tree}'`
  ])
  return join(work, 'second.deb')
}

t.test('the command line', async (t) => {
  t.match((await run('scripts/deb', ['--help'], options)).stdout, /^usage: scripts\/deb /)
  await t.rejects(run('scripts/deb', ['--what'], options), { code: 2, stderr: /^usage: / })
  await t.rejects(run('scripts/deb', ['--version', '1:2 3'], options), {
    code: 1,
    stderr: /1:2 3 cannot be the version/
  })
  await t.rejects(run('scripts/deb', ['--compress', 'zip'], options), {
    code: 1,
    stderr: /--compress zip is none of/
  })
})

t.test('what is in it', async (t) => {
  const tree = join(work, 'tree')
  await run('dpkg-deb', ['--extract', first, tree])
  const read = (path: string): string => readFileSync(join(tree, path), 'utf8')
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
    version: string
  }
  const fields = (await run('dpkg-deb', ['--field', first])).stdout
  t.ok(
    first.endsWith(`/leadmaster_${version}_${/^Architecture: (.*)$/m.exec(fields)?.[1]}.deb`),
    first
  )
  t.match(
    fields,
    /^Depends: (?=.*\bchromium\b)(?=.*\bsystemd \()(?=.*\blibsystemd0\b)(?=.*\blibc6 \()(?=.*\bucf\b)/m
  )

  const sources = readdirSync(join(root, 'deploy/systemd')).filter((name) =>
    /\.(service|target|slice|timer)$/.test(name)
  )
  t.same(readdirSync(join(tree, 'lib/systemd/system')).sort(), sources.sort(), 'every unit')
  for (const name of sources) {
    const unit = read(`lib/systemd/system/${name}`)
    t.equal(
      unit.replaceAll('/usr/lib/leadmaster', '/opt/leadmaster/current'),
      readFileSync(join(root, 'deploy/systemd', name), 'utf8'),
      `${name} differs in nothing but where the release is`
    )
    t.notMatch(unit, '/opt/')
    for (const [path] of unit.matchAll(/\/usr\/lib\/leadmaster[\w./-]*/g))
      t.ok(existsSync(join(tree, path)), `${name}: ${path} is there`)
  }
  const alerts = 'deploy/prometheus/alerts.yml'
  t.equal(
    read(`usr/lib/leadmaster/${alerts}`).replaceAll(
      '/usr/lib/leadmaster',
      '/opt/leadmaster/current'
    ),
    readFileSync(join(root, alerts), 'utf8'),
    'alerts differ in nothing but where their README is'
  )
  for (const path of [
    'usr/bin/leadmaster',
    'usr/share/man/man1/leadmaster.1.gz',
    'usr/share/man/man5/leadmaster.env.5.gz'
  ])
    t.ok(existsSync(join(tree, path)), path)
  for (const path of [
    'usr/bin/leadmaster-doctor',
    'usr/lib/sysusers.d/leadmaster.conf',
    'usr/share/doc/leadmaster/README.md',
    'usr/share/doc/leadmaster/deploy/prometheus/README.md',
    'usr/share/doc/leadmaster/deploy/systemd/README.md',
    'usr/lib/leadmaster/deploy/prometheus/dashboard.json',
    'usr/lib/leadmaster/deploy/prometheus/prometheus.yml',
    'usr/share/doc/leadmaster/changelog.gz',
    'usr/share/man/man1/leadmaster-doctor.1.gz'
  ])
    t.ok(existsSync(join(tree, path)), path)

  const files = (
    await run('find', ['-L', 'usr/lib/leadmaster', '-type', 'f', '-printf', '%P\\n'], {
      ...options,
      cwd: tree
    })
  ).stdout.split('\n')
  t.same(
    files.filter(
      (path) =>
        /(^|\/)(include|share|test|typescript|tap|c8|axe-core|prebuilds)\/|\.(d\.ts|map|bare)$/.test(
          path
        ) && !/node_modules\/(?:[\w@.-]+\/)+(lib|dist|src|build)\//.test(path)
    ),
    [],
    'nothing that only a build or test wants'
  )
  t.same(
    files.filter((path) => /\.node$/.test(path)),
    ['node_modules/sd-notify/build/Release/notify.node']
  )

  const copyright = read('usr/share/doc/leadmaster/copyright')
  t.match(
    copyright,
    /^Format: https:\/\/www\.debian\.org\/doc\/packaging-manuals\/copyright-format\/1\.0\/$/m
  )
  const bundled = files.filter((path) =>
    /(^|\/)node_modules\/(@[^/]+\/)?[^/]+\/package\.json$/.test(path)
  )
  t.ok(bundled.length > 100)
  t.same(
    bundled.filter(
      (manifest) => !copyright.includes(`\nFiles: ${manifest.replace('package.json', '*')}\n`)
    ),
    [],
    'the licence of every package'
  )
  t.match(copyright, /^Files: node_modules\/node-webpmux\/\*\nCopyright: .*\nLicense: LGPL-3\+$/m)
  await run(
    'diff',
    ['-r', 'node_modules/node-webpmux', join(tree, 'usr/lib/leadmaster/node_modules/node-webpmux')],
    options
  )
  t.pass('the package of the LGPL is there unchanged, with its licence')
  rmSync(tree, { recursive: true })
})

t.test('lintian and the machine at once', { jobs: 2 }, async (t) => {
  void t.test('lintian has nothing to say', async (t) => {
    const overrides = readFileSync(join(root, 'deploy/debian/leadmaster.lintian-overrides'), 'utf8')
    t.notMatch(overrides, /^(?!#).*\n\n/m)
    t.match(overrides, /^#/, 'what is overridden is explained')
    const judged = await run(
      'lintian',
      ['--allow-root', '--fail-on=error,warning', first],
      options
    ).catch((error: unknown) => error as { stdout: string; stderr: string })
    t.equal(judged.stdout + judged.stderr, '')
  })

  void t.test('installed, upgraded, removed, purged', async (t) => {
    const machine = await bootMachine(t)
    const upgrade = await second()
    const { must } = machine
    const put = (deb: string, name: string): void => cpSync(deb, machine.path(`/root/${name}`))
    put(first, 'first.deb')
    put(upgrade, 'second.deb')
    // of the host's: the user, and what keeps a container image from starting services
    await must(
      'rm -f /usr/sbin/policy-rc.d; if id leadmaster >/dev/null 2>&1; then userdel leadmaster; fi'
    )

    await t.test('not over an installation of scripts/up', async (t) => {
      const unit = '/etc/systemd/system/leadmaster-session-manager.service'
      await must(`echo ExecStart=/opt/leadmaster/current/runtime/bin/node >${unit}`)
      const { code, stderr } = await machine.run('dpkg -i /root/first.deb')
      t.not(code, 0)
      t.match(stderr, /scripts\/up has installed LeadMaster .*: run scripts\/uninstall/)
      await must(`rm ${unit}; test ! -e /usr/lib/leadmaster`)
    })

    await t.test('installed: enabled, started, ready', async (t) => {
      const { stderr } = await dpkg(machine, 'dpkg -i /root/first.deb')
      t.notMatch(stderr, 'leadmaster:', 'no complaint')
      for (const unit of units) {
        t.equal((await must(`systemctl is-enabled ${unit}`)).trim(), 'enabled', unit)
        t.match(await machine.show(unit, 'ActiveState', 'FragmentPath'), {
          ActiveState: 'active',
          FragmentPath: `/lib/systemd/system/${unit}`
        })
      }
      t.equal(
        (
          await must(
            'cat /sys/fs/cgroup/leadmaster.slice/*/cgroup.procs | xargs -I{} ps -o user= -p {} | sort -u'
          )
        ).trim(),
        'leadmaster'
      )
      t.equal((await must('dpkg --verify leadmaster')).trim(), '')
      t.equal(
        (
          await must(
            `systemd-analyze verify ${units.map((unit) => `/lib/systemd/system/${unit}`).join(' ')} 2>&1`
          )
        ).trim(),
        ''
      )
    })

    const texts = async (): Promise<Record<string, string>> =>
      Object.fromEntries(
        await Promise.all(
          services.map(async (service) => [service, await must(`cat ${file(service)}`)])
        )
      )
    const made = await texts()
    await t.test(
      'the env files: from the templates, with tokens of their own, closed to others',
      async (t) => {
        t.equal(
          await must(`stat -c '%a %U:%G %n' /etc/leadmaster ${services.map(file).join(' ')}`),
          `750 root:leadmaster /etc/leadmaster\n640 root:leadmaster ${file('session-manager')}\n640 root:leadmaster ${file('central-hub')}\n`
        )
        const [manager, hub] = services.map((service) => parseEnvFile(made[service] as string)) as [
          Record<string, string>,
          Record<string, string>
        ]
        t.match(manager, {
          SESSION_MANAGER_TOKEN: /^[0-9a-f]{64}$/,
          STATE_DIR: '/var/lib/leadmaster/session-manager'
        })
        t.match(hub, {
          SESSION_MANAGER_TOKEN: manager['SESSION_MANAGER_TOKEN'],
          HUB_API_TOKEN: /^[0-9a-f]{64}$/,
          STATE_DIR: '/var/lib/leadmaster/central-hub'
        })
        t.not(hub['HUB_API_TOKEN'], manager['SESSION_MANAGER_TOKEN'])
        for (const service of services) {
          t.equal(
            made[service]?.replace(/^(\w+_TOKEN)=.*$/gm, '$1='),
            readFileSync(join(root, `deploy/env/${service}.env`), 'utf8'),
            service
          )
          t.equal(
            await must(`ucfq --with-colons ${file(service)}`),
            `${file(service)}:leadmaster:Yes:No\n`,
            'known to ucf'
          )
        }
        const copies = await must(
          `grep -rl ${hub['HUB_API_TOKEN']} /var/lib /var/log /tmp /usr/lib/leadmaster | xargs stat -c '%a %U %n'`
        )
        t.equal(
          copies,
          '600 root /var/lib/ucf/cache/:etc:leadmaster:central-hub.env\n',
          'no other copy of a token than that of ucf, for root alone'
        )
      }
    )

    const token = parseEnvFile(made['central-hub'] as string)['HUB_API_TOKEN'] as string
    const get = async (path: string): Promise<unknown> =>
      JSON.parse(
        await must(
          `curl --silent --max-time 10 -H 'Authorization: Bearer ${token}' http://127.0.0.1:3012${path}`
        )
      )
    const works = async (): Promise<void> => {
      await must(
        `for i in $(seq 100); do curl --fail --silent -o /dev/null -H 'Authorization: Bearer ${token}' http://127.0.0.1:3012/ready && exit; sleep 0.1; done; exit 1`
      )
      t.match(await get('/api/whatsapp/status'), {
        status: /^(INIT|QR_REQUIRED|DISCONNECTED|ERROR)$/,
        account: 'main'
      })
    }
    await works()
    t.test('the doctor has no other complaint than that the machine has no network', async (t) => {
      const { checks } = JSON.parse((await machine.run('leadmaster-doctor --json')).stdout) as {
        checks: { name: string; state: string; detail: string }[]
      }
      t.same(
        checks.filter(
          ({ name, state }) => state === 'fault' && name !== 'session' && name !== 'outside'
        ),
        []
      )
    })

    const account = 'leadmaster-session-manager@sales'
    const accountPid = async (): Promise<string | undefined> =>
      (await machine.show(account, 'MainPID'))['MainPID']
    const pids = async (): Promise<string[]> =>
      Promise.all(
        services.map(
          async (service) =>
            (await machine.show(`leadmaster-${service}`, 'MainPID'))['MainPID'] as string
        )
      )
    await t.test(
      'upgraded: what was changed stays, what was not follows the template, the state stays, new processes',
      async (t) => {
        const before = await pids()
        await must(
          `sed -e s/^PORT=.*/PORT=3002/ -e s/^ACCOUNT=.*/ACCOUNT=sales/ -e 's|^STATE_DIR=.*|&-sales|' ${file('session-manager')} >${file('session-manager-sales')}`
        )
        await must(
          `chmod 0640 ${file('session-manager-sales')} && systemctl enable --now --quiet ${account}`
        )
        const accountBefore = await accountPid()
        await must(
          `sed -i s/^LOG_LEVEL=.*/LOG_LEVEL=debug/ ${file('session-manager')}; chmod 0600 ${file('session-manager')}`
        )
        const state = 'stat -c "%i %n" /var/lib/leadmaster/*/*.db'
        const kept = await must(`echo kept >/var/lib/leadmaster/central-hub/kept; ${state}`)
        const edited = (await texts())['session-manager']
        await dpkg(machine, 'DEBIAN_FRONTEND=noninteractive dpkg -i /root/second.deb')
        await works()
        t.match(await must('dpkg-query -W leadmaster'), /\+second$/m)
        const after = await texts()
        t.equal(after['session-manager'], edited)
        t.equal(after['central-hub'], `${made['central-hub']}# new in this version\n`)
        t.equal(
          await must(`stat -c '%a %U:%G' ${services.map(file).join(' ')}`),
          '600 root:leadmaster\n640 root:leadmaster\n'
        )
        t.match(
          await must(`cat ${file('session-manager')}.ucf-dist`),
          /^# new in this version$/m,
          'the new one is beside it'
        )
        t.equal(await must(`stat -c '%a %U' ${file('session-manager')}.ucf-dist`), '600 root\n')
        t.equal(await must('cat /var/lib/leadmaster/central-hub/kept'), 'kept\n')
        t.equal(await must(`${state}`), kept)
        for (const [index, pid] of (await pids()).entries())
          t.notOk([before[index], '0'].includes(pid), `a new process ${index}`)
        t.notOk([accountBefore, '0'].includes(await accountPid()), 'and one of a further account')
        t.match(
          await must(`tr '\\0' '\\n' </proc/${(await pids())[0]}/environ`),
          /^LOG_LEVEL=debug$/m
        )
      }
    )

    await t.test('removed: nothing runs, configuration and state are there', async (t) => {
      await dpkg(machine, 'dpkg -r leadmaster')
      t.equal((await machine.run('pgrep -u leadmaster -a; pgrep -a chromium')).stdout, '')
      t.equal(
        await must(
          "systemctl list-units --all --plain --no-legend 'leadmaster*' | grep -v ' inactive ' || true"
        ),
        '',
        'no unit is active or failed'
      )
      await must(
        `test ! -e /usr/lib/leadmaster && test ! -e /lib/systemd/system/leadmaster.target && test -s ${file('session-manager')} && test -s ${file('central-hub')} && test -e /var/lib/leadmaster/central-hub/kept`
      )
    })

    await t.test('purged: nothing of it is left', async (t) => {
      await dpkg(machine, 'dpkg -P leadmaster')
      t.equal(await must("find /etc /lib/ /usr /var /run -xdev -name '*leadmaster*'"), '')
      t.notMatch(await must('systemctl list-unit-files'), /leadmaster/)
      t.notMatch(
        await must("systemctl list-units --all | grep -v ' inactive '"),
        /leadmaster/,
        'systemd may still remember the name of one'
      )
      t.equal(
        (await machine.run('grep -r leadmaster /var/lib/ucf/hashfile /var/lib/ucf/registry'))
          .stdout,
        ''
      )
      t.notMatch((await machine.run('dpkg -s leadmaster')).stdout, 'Status')
    })
  })
})

/** @throws when it ends with another code than 0 */
const dpkg = async (machine: Machine, command: string): ReturnType<Machine['run']> => {
  const ran = await machine.run(command)
  if (ran.code !== 0)
    throw new Error(
      `in the machine, ${command}\nended with ${ran.code}:\n${ran.stdout}\n${ran.stderr}`
    )
  return ran
}

import t from 'tap'
import type { Accounts, Qr } from '../../src/contract/session.ts'
import type { LeadPage } from '../../src/contract/lead.ts'
import { parseEnvFile } from '../../src/platform/env-file.ts'
import {
  centralHub,
  clone,
  eventually,
  manager,
  processesOf,
  startWhatsApp,
  whatsapp,
  withSimulation,
  type Installed
} from './installed.ts'
import { bootMachine, type Machine } from './machine.ts'
import { readmeBlock } from './readme-block.ts'

/**
 * scripts/up and scripts/uninstall where systemd runs the machine, from a fresh one to one that has
 * forgotten it.
 */

t.setTimeout(1_800_000)

const services = [manager, centralHub]
const unitFiles = '/etc/systemd/system/leadmaster*'

/** What a restart or a change would show in. */
const footprint = async (machine: Machine): Promise<string> =>
  machine.must(`systemctl show -p InvocationID -p ActiveEnterTimestamp leadmaster.target ${services.join(' ')}
    stat -c '%n %y %Z' ${unitFiles} /etc/leadmaster /etc/leadmaster/* /opt/leadmaster/current /opt/leadmaster/releases/*; readlink /opt/leadmaster/current; cat /etc/leadmaster/*`)
const releases = async (machine: Machine): Promise<string[]> =>
  (await machine.must('ls -A /opt/leadmaster/releases')).split('\n').filter(Boolean)
const environOf = async (machine: Machine, unit: string): Promise<Record<string, string>> => {
  const lines = (
    await machine.must(`tr '\\0' '\\n' </proc/$(systemctl show -P MainPID ${unit})/environ`)
  )
    .split('\n')
    .filter(Boolean)
  return Object.fromEntries(
    lines.map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)])
  )
}
const version = (machine: Machine, to: string): Promise<string> =>
  machine.must(`sed -i 's/"version": "[^"]*"/"version": "${to}"/' ${clone}/package.json`)
const numbered = (word: string, count: number): string[] =>
  Array.from({ length: count }, (_, at) => `${word} ${at}`)

t.test('from a fresh machine to a message, upgraded, rolled back, and taken away', async (t) => {
  const machine = await bootMachine(t)
  const started = performance.now()
  const installed: Installed = await withSimulation(machine)
  const { up, simulate, hub, arrived, session, texts } = installed
  const operators = await machine.must('cat /etc/leadmaster/session-manager.env')

  await t.test('scripts/up on a fresh machine', async (t) => {
    // of a run that was killed while it copied
    await machine.must('mkdir -p /opt/leadmaster/releases/.new/dist')
    const { code, stdout, stderr } = await up()
    t.equal(code, 0, stderr)
    t.equal(stdout, '', 'it speaks on stderr alone')
    for (const unit of ['leadmaster.target', ...services])
      t.match(
        await machine.show(unit, 'ActiveState', 'UnitFileState'),
        { ActiveState: 'active', UnitFileState: 'enabled' },
        unit
      )
    for (const unit of services)
      t.match(
        await machine.show(unit, 'SubState', 'StatusText', 'NRestarts', 'Slice'),
        {
          SubState: 'running',
          StatusText: /^listening on 127/,
          NRestarts: '0',
          Slice: 'leadmaster.slice'
        },
        unit
      )
    t.match(
      await machine.must('getent passwd leadmaster'),
      /^leadmaster:x:\d+:\d+:LeadMaster:\/nonexistent:\/usr\/sbin\/nologin$/m
    )
    t.equal(
      await machine.must(
        `stat -c '%a %U %G' /etc/leadmaster /etc/leadmaster/*.env /var/lib/leadmaster/*`
      ),
      '750 root leadmaster\n640 root leadmaster\n640 root leadmaster\n700 leadmaster leadmaster\n700 leadmaster leadmaster\n'
    )
    t.equal(
      await machine.must('cat /etc/leadmaster/session-manager.env'),
      operators,
      "the operator's env file is as it was"
    )
    const made = parseEnvFile(await machine.must('cat /etc/leadmaster/central-hub.env'))
    t.match(made, {
      SESSION_MANAGER_TOKEN: parseEnvFile(operators)['SESSION_MANAGER_TOKEN'],
      HUB_API_TOKEN: /^[0-9a-f]{64}$/
    })
    t.notMatch(stderr, made['HUB_API_TOKEN'] as string, 'no token is printed')

    // as it is told to go on
    const printed = (label: string): string =>
      new RegExp(`^up: *${label} +(.*)$`, 'm').exec(stderr)?.[1] as string
    await session('QR_REQUIRED')
    t.match(stderr, /^up: Next, link a phone: leadmaster qr$/m)
    t.match(await machine.must('leadmaster qr --once'), /[▀▄█]/)
    t.match(stderr, /^up: There are no backups: deploy\/systemd\/README.md, "Backups", says how/m)
    t.match(await hub<Qr>('/api/whatsapp/qr'), { status: 'QR_AVAILABLE', qr: /^data:image\/png/ })
    await simulate('scan')
    await session('READY')
    await simulate("message --from +5215512345678 --name Ana --text 'Hola, ¿sigue disponible?'")
    await arrived(['Hola, ¿sigue disponible?'])
    t.match(JSON.parse(await machine.must(printed('leads'))), {
      leads: [{ phone: '+5215512345678', account: 'main', name: 'Ana' }]
    })
    t.match(
      await machine.must(`curl --silent -o /dev/null -w '%{http_code}' ${printed('page')}`),
      '200'
    )
    const seconds = (performance.now() - started) / 1_000
    t.comment(`from a fresh machine to a message in ${seconds.toFixed(1)} s`)
    t.ok(seconds < 180)
  })

  await t.test('what is installed is what it should be', async (t) => {
    t.equal(
      (
        await machine.must(
          `systemd-analyze verify ${unitFiles}.service ${unitFiles}.target ${unitFiles}.slice ${unitFiles}.timer 2>&1`
        )
      ).trim(),
      ''
    )
    for (const [unit, exposure] of [
      [manager, 2.2],
      [centralHub, 1.1]
    ] as const) {
      const { code, stdout } = await machine.run(
        `systemd-analyze security --no-pager --threshold=${Math.round(exposure * 10)} ${unit}`
      )
      t.equal(code, 0, `${unit} is exposed ${exposure} at most`)
      t.comment(/Overall exposure level.*/.exec(stdout)?.[0])
    }
    const tree = '/opt/leadmaster/current/'
    t.equal(
      await machine.must(`find ${tree} ! -user root -o ! -group root -o ! -type l -perm /022`),
      '',
      'all of the release is root’s to write'
    )
    t.equal(
      await machine.must(`ls ${tree}`),
      'LICENSE\nREADME.md\ndeploy\ndist\nnode_modules\npackage-lock.json\npackage.json\nruntime\nscripts\n'
    )
    const production = await machine.must(
      `cd ${clone} && PATH=$PWD/node_modules/.bin:$PATH npm ls --omit=dev --all --parseable`
    )
    const wanted = production
      .split('\n')
      .map((path) => path.replace(`${clone}/`, ''))
      .filter((path) => /^node_modules\/(?!.*node_modules)/.test(path))
      .sort()
    const present = (await machine.must(`cd ${tree} && ls -d node_modules/[^@]* node_modules/@*/*`))
      .trim()
      .split('\n')
      .sort()
    t.same(present, wanted, 'production packages and no others')
    t.equal(
      await machine.must('readlink -f /usr/local/bin/leadmaster-doctor'),
      await machine.must(`readlink -f ${tree}scripts/doctor`)
    )
    t.match(
      await machine.run('leadmaster status'),
      { code: 0, stdout: /^All is well\.[^]*main +READY/ },
      'it finds the hub and its token'
    )
    const doctor = await machine.run('leadmaster-doctor --json')
    t.same(
      (JSON.parse(doctor.stdout) as { checks: { state: string }[] }).checks.filter(
        ({ state }) => state === 'fault'
      ),
      []
    )
    t.equal(doctor.code, 0)
    t.equal(
      await machine.must("journalctl -u 'leadmaster-*' -p warning -o cat -q"),
      '',
      'nothing to worry about so far'
    )
  })

  await t.test('a second run with nothing changed changes nothing', async (t) => {
    const before = await footprint(machine)
    const begun = performance.now()
    const { code, stderr } = await up()
    t.comment(`${((performance.now() - begun) / 1_000).toFixed(1)} s`)
    t.equal(code, 0)
    t.notMatch(stderr, /making|made|starting|restarting/)
    t.match(stderr, /A phone is linked/)
    t.equal(await footprint(machine), before)
  })

  await t.test('what the manager or a shell holds changes nothing', async (t) => {
    await machine.must(
      'systemctl set-environment SESSION_MANAGER_BASE_URL=http://127.0.0.1:3011 PORT=3011 HUB_API_TOKEN=x NODE_OPTIONS=--no-warnings HTTPS_PROXY=http://127.0.0.1:9'
    )
    await machine.must(
      `SESSION_MANAGER_BASE_URL=http://127.0.0.1:3011 PORT=3011 systemctl restart ${services.join(' ')}`
    )
    for (const unit of services) {
      const {
        PATH,
        LANG,
        HOME,
        LOGNAME,
        USER,
        SHELL,
        INVOCATION_ID,
        JOURNAL_STREAM,
        SYSTEMD_EXEC_PID,
        NOTIFY_SOCKET,
        WATCHDOG_PID,
        WATCHDOG_USEC,
        STATE_DIRECTORY,
        MEMORY_PRESSURE_WATCH,
        MEMORY_PRESSURE_WRITE,
        ...rest
      } = await environOf(machine, unit)
      t.same(
        rest,
        parseEnvFile(
          await machine.must(`cat /etc/leadmaster/${unit.slice('leadmaster-'.length)}.env`)
        ),
        unit
      )
    }
    await session('READY')
    await machine.must(
      'systemctl unset-environment SESSION_MANAGER_BASE_URL PORT HUB_API_TOKEN NODE_OPTIONS HTTPS_PROXY'
    )
  })

  await t.test('a secret as a credential', async (t) => {
    await machine.must(`install -d -m 700 /etc/credstore && sed -n 's/^HUB_API_TOKEN=//p' /etc/leadmaster/central-hub.env | tr -d '\\n' >/etc/credstore/hub-api-token
      cp -p /etc/leadmaster/central-hub.env /root/kept.env && sed -i /^HUB_API_TOKEN=/d /etc/leadmaster/central-hub.env
      mkdir -p /etc/systemd/system/${centralHub}.service.d && printf '[Service]\\nLoadCredential=HUB_API_TOKEN:/etc/credstore/hub-api-token\\n' >/etc/systemd/system/${centralHub}.service.d/token.conf
      systemctl daemon-reload && systemctl restart ${centralHub}`)
    t.notOk('HUB_API_TOKEN' in (await environOf(machine, centralHub)))
    t.match(
      await machine.must(
        `curl --silent -o /dev/null -w '%{http_code}' -H "Authorization: Bearer $(cat /etc/credstore/hub-api-token)" http://127.0.0.1:3012/api/leads`
      ),
      '200'
    )
    t.equal((await up()).code, 0, 'scripts/up knows of it')
    await machine.must(
      `cp -p /root/kept.env /etc/leadmaster/central-hub.env && rm -r /etc/systemd/system/${centralHub}.service.d && systemctl daemon-reload && systemctl restart ${centralHub}`
    )
  })

  await t.test('an upgrade while messages flow loses none', async (t) => {
    const count = 400
    const [first] = await releases(machine)
    await version(machine, '0.1.1')
    await session('READY')
    const flowing = simulate(`burst --count ${count} --rate 25 --chats 7 --text flowing`)
    await arrived(['flowing 0'])
    const { code, stderr } = await up()
    const during = (await texts()).filter((text) => text.startsWith('flowing')).length
    t.equal(code, 0, stderr)
    t.match(
      await machine.must('readlink /opt/leadmaster/current'),
      /^releases\/0\.1\.1-[0-9a-f]{12}$/m
    )
    t.ok((await releases(machine)).includes(first as string), 'the release before is kept')
    await flowing
    await arrived(numbered('flowing', count))
    const found = (await texts()).filter((text) => text.startsWith('flowing'))
    t.equal(found.length, count, 'and each is there once')
    t.comment(`${during} of ${count} were there when the upgrade was over`)
    for (const unit of services)
      t.match(
        await machine.must(`readlink /proc/$(systemctl show -P MainPID ${unit})/cwd`),
        /0\.1\.1/
      )
  })

  await t.test(
    'a release that is broken with the data of this machine alone is taken back by itself',
    async (t) => {
      const good = await machine.must('readlink /opt/leadmaster/current')
      const broken = async (service: string): Promise<void> => {
        const main = `${clone}/dist/${service}/main.js`
        await machine.must(
          `cp -p ${main} /root/main.js && sed -i '1i if (process.env.STATE_DIR?.startsWith("/var/lib/")) throw new Error("this release is broken")' ${main}`
        )
        const begun = performance.now()
        const { code, stderr } = await up()
        t.comment(`back again in ${((performance.now() - begun) / 1_000).toFixed(1)} s`)
        t.equal(code, 1)
        t.match(
          stderr,
          new RegExp(
            `^up: the release .* did not get ready: .*leadmaster-${service}.service.* did not start$`,
            'm'
          )
        )
        t.match(stderr, /^up: +Error: this release is broken$/m, 'the last of its log is shown')
        t.match(stderr, /^up: LeadMaster runs again as before, with the release 0\.1\.1/m)
        t.equal(await machine.must('readlink /opt/leadmaster/current'), good)
        await machine.must(`cp -p /root/main.js ${main}`)
      }
      await machine.must(
        `sed -i 's/^Description=.*/Description=a unit of the broken release/' ${clone}/deploy/systemd/leadmaster-*.service && touch ${clone}/deploy/systemd/leadmaster-new.target`
      )
      await broken('central-hub')
      t.match(
        await machine.show(centralHub, 'Description', 'NeedDaemonReload'),
        { Description: /^LeadMaster central-hub/, NeedDaemonReload: 'no' },
        'its units are gone'
      )
      t.notMatch(await machine.must(`ls ${unitFiles}`), 'leadmaster-new')
      await machine.must(
        `rm ${clone}/deploy/systemd/leadmaster-new.target; cp /opt/leadmaster/current/deploy/systemd/* ${clone}/deploy/systemd/`
      )
      await broken('session-manager')
      for (const unit of services) t.ok(await installed.active(unit), unit)
      await session('READY')
      await simulate('message --from +5215512345678 --text after')
      await arrived(['after'])
    }
  )

  await t.test('the last three releases are kept, and any of them can be had back', async (t) => {
    for (const each of ['0.1.2', '0.1.3']) {
      await version(machine, each)
      t.equal((await up()).code, 0)
    }
    const kept = await releases(machine)
    t.match(
      kept.map((name) => name.split('-')[0]),
      ['0.1.1', '0.1.2', '0.1.3']
    )
    const { code, stderr } = await up(`/opt/leadmaster/releases/${kept[0]}`)
    t.equal(code, 0, stderr)
    t.match(await machine.must('readlink /opt/leadmaster/current'), kept[0])
    t.equal((await releases(machine)).length, 3)
  })

  await t.test('a further account, by the commands of deploy/env/README.md', async (t) => {
    const chromium = await startWhatsApp(machine, `${whatsapp}-2`)
    await machine.must(await readmeBlock('deploy/env/README.md', 'A further account'))
    await machine.must(
      `sed -i 's|^CHROMIUM_PATH=.*|CHROMIUM_PATH=${chromium}|' /etc/leadmaster/session-manager-sales.env && systemctl restart ${manager}@sales`
    )
    t.match(
      await machine.must(
        `stat -c '%a %U %G' /etc/leadmaster/session-manager-sales.env /var/lib/leadmaster/session-manager-sales`
      ),
      '640 root leadmaster\n700 leadmaster leadmaster\n'
    )
    await eventually(
      'both are followed',
      () => hub<Accounts>('/api/whatsapp/accounts'),
      ({ accounts }) => accounts.length === 2 && accounts.every(({ following }) => following)
    )
    t.match(
      (await hub<Accounts>('/api/whatsapp/accounts')).accounts.map(({ account }) => account),
      ['main', 'sales']
    )
    await eventually(
      'it shows a code',
      () => hub<Qr>('/api/whatsapp/accounts/sales/qr'),
      ({ status }) => status === 'QR_AVAILABLE'
    )
    await simulate('scan', `${whatsapp}-2`)
    await eventually(
      'it is ready',
      () => hub<{ status: string }>('/api/whatsapp/accounts/sales/status'),
      ({ status }) => status === 'READY'
    )
    await simulate("message --from +5215500000002 --text 'to sales'", `${whatsapp}-2`)
    await arrived(['to sales'])
    t.match((await hub<LeadPage>('/api/leads?limit=1')).leads, [
      { account: 'sales', phone: '+5215500000002' }
    ])
    t.match(
      await machine.must('systemctl list-dependencies --plain leadmaster.target'),
      `${manager}@sales.service`
    )
    const seen = await machine.must(
      `nsenter -t $(systemctl show -P MainPID ${manager}@sales) -m ls /var/lib/leadmaster`
    )
    t.equal(seen, 'session-manager-sales\n', 'it does not see the state of the others')

    await version(machine, '0.1.4')
    t.equal((await up()).code, 0)
    t.match(
      await machine.must(`readlink /proc/$(systemctl show -P MainPID ${manager}@sales)/cwd`),
      /0\.1\.4/,
      'it is upgraded too'
    )
    await machine.must('systemctl stop leadmaster.target')
    await eventually(
      'nothing of the slice lives',
      () => processesOf(machine),
      (left) => left.length === 0
    )
  })

  await t.test('what is disabled stays so through an upgrade', async (t) => {
    await machine.must(`systemctl disable --now ${centralHub}`)
    await version(machine, '0.1.5')
    const { code, stderr } = await up()
    t.equal(code, 0, stderr)
    t.match(stderr, /leadmaster-central-hub\.service is disabled, and stays so/)
    t.notOk(await installed.active(centralHub))
    t.ok(await installed.active(manager))
    await machine.must(`systemctl enable --now ${centralHub}`)
  })

  await t.test(
    'scripts/uninstall keeps data and env files; scripts/up goes on from there',
    async (t) => {
      const before = await texts()
      const { code, stderr } = await machine.run('/opt/leadmaster/current/scripts/uninstall')
      t.equal(code, 0, stderr)
      t.match(
        stderr,
        /kept: the env files in \/etc\/leadmaster, the data in \/var\/lib\/leadmaster/
      )
      t.equal(
        await machine.must(
          "systemctl list-units --no-legend 'leadmaster*'; ls -d /opt/leadmaster /etc/systemd/system/leadmaster* /etc/systemd/system/*/leadmaster* /usr/local/bin/leadmaster-doctor 2>/dev/null || true"
        ),
        ''
      )
      t.equal((await machine.run('test -L /usr/local/bin/leadmaster')).code, 1)
      t.same(await processesOf(machine), [])
      const again = await up()
      t.equal(again.code, 0, again.stderr)
      await session('READY')
      t.same(await texts(), before)
      await machine.must(`systemctl enable --now ${manager}@sales`)
    }
  )

  let kept: string[] = []
  await t.test('leadmaster-backup.service backs up while messages flow', async (t) => {
    t.match(await machine.show('leadmaster-backup.timer', 'ActiveState', 'UnitFileState'), {
      ActiveState: 'inactive',
      UnitFileState: 'disabled'
    })
    t.equal(
      (await machine.run('systemctl start leadmaster-backup.service')).code,
      1,
      'where to was not said yet'
    )
    t.match(
      await machine.must('journalctl -u leadmaster-backup.service -p err -o cat'),
      /no backup was made: where to\? .*BACKUP_TO in \/etc\/leadmaster\/backup\.env/
    )
    await machine.must(
      'install -m 600 /opt/leadmaster/current/deploy/env/backup.env /etc/leadmaster/ && install -d -m 700 /var/backups/leadmaster && systemctl enable --now --quiet leadmaster-backup.timer'
    )
    const before = await texts()
    const flowing = simulate('burst --count 200 --rate 50 --chats 5 --text saved')
    await arrived(['saved 0'])
    const { code, stderr } = await machine.run('systemctl start leadmaster-backup.service')
    t.equal(
      code,
      0,
      stderr + (await machine.must('journalctl -u leadmaster-backup.service -o cat'))
    )
    await flowing
    await arrived(numbered('saved', 200))
    const [name = ''] = (await machine.must('ls /var/backups/leadmaster')).trim().split('\n')
    t.match(
      await machine.must(
        `stat -c '%a %U' /var/backups/leadmaster/${name}; cd /var/backups/leadmaster/${name} && sha256sum --check --quiet SHA256SUMS && find . ! -user root -o -type f -perm /077`
      ),
      /^700 root\n$/,
      'whole, and for root alone'
    )
    const { services: parts } = JSON.parse(
      await machine.must(`cat /var/backups/leadmaster/${name}/manifest.json`)
    ) as { services: { name: string; holds: Record<string, number>; lacks: string[] }[] }
    t.same(parts.map((part) => part.name).sort(), [
      'central-hub',
      'session-manager',
      'session-manager-sales'
    ])
    t.ok(
      parts.every(
        ({ holds, lacks }) =>
          lacks.length === 0 &&
          (holds['device_files'] !== undefined || holds['messages'] !== undefined)
      ),
      JSON.stringify(parts)
    )
    t.equal(
      await machine.must('find /var/lib/leadmaster ! -user leadmaster -mindepth 1'),
      '',
      'the state is as it was'
    )
    t.match(
      (
        JSON.parse((await machine.run('leadmaster-doctor --json')).stdout) as { checks: object[] }
      ).checks.filter((check) => 'name' in check && check.name === 'backup'),
      [{ state: 'ok', detail: /^the newest in \/var\/backups\/leadmaster is \d+ s old$/ }]
    )
    const refused = await machine.run(
      `/opt/leadmaster/current/scripts/restore /var/backups/leadmaster/${name} --replace`
    )
    t.equal(refused.code, 1)
    t.match(refused.stderr, /leadmaster-session-manager\.service .*run: systemctl stop/)
    kept = before
  })

  await t.test('encrypted, with a key that systemd-creds keeps', async (t) => {
    await machine.must(`install -d -m 700 /etc/credstore.encrypted && printf %s '${'0123456789abcdef'.repeat(4)}' >/root/key && systemd-creds encrypt --name=BACKUP_KEY /root/key /etc/credstore.encrypted/backup-key
      mkdir -p /etc/systemd/system/leadmaster-backup.service.d && printf '[Service]\\nLoadCredentialEncrypted=BACKUP_KEY:/etc/credstore.encrypted/backup-key\\n' >/etc/systemd/system/leadmaster-backup.service.d/key.conf
      systemctl daemon-reload && systemctl start leadmaster-backup.service`)
    const file = (await machine.must('ls /var/backups/leadmaster/*.tar.sealed')).trim()
    t.match(await machine.must(`stat -c '%a %U' ${file}`), '600 root')
    t.match(
      await machine.run(
        `/opt/leadmaster/current/scripts/restore ${file} --check --key-file /root/key`
      ),
      { code: 0, stderr: /is whole/ }
    )
    t.equal(
      await machine.must(`rm ${file} && ls -A /var/lib/leadmaster`),
      'central-hub\nsession-manager\nsession-manager-sales\n',
      'no plain copy is left'
    )
  })

  await t.test('scripts/uninstall --purge leaves nothing', async (t) => {
    const unasked = await machine.run(`${clone}/scripts/uninstall --purge </dev/null`)
    t.match(unasked, {
      code: 1,
      stderr: /the link to WhatsApp.*nothing was removed: say --purge --yes/s
    })
    await machine.must('test -d /var/lib/leadmaster')
    const { code, stderr } = await machine.run(`${clone}/scripts/uninstall --purge --yes`)
    t.equal(code, 0, stderr)
    await machine.must('mv /var/backups/leadmaster /root/backups')
    t.equal(
      await machine.must(
        "find /etc /opt /var/lib /usr/local /run/systemd -xdev -iname '*leadmaster*' ! -path '*systemd/propagate*' ! -path '*/journal/*'"
      ),
      ''
    )
    t.equal((await machine.run('getent passwd leadmaster; getent group leadmaster')).stdout, '')
    t.equal(await machine.must("systemctl list-units --no-legend 'leadmaster*'"), '')
    t.equal((await machine.run(`${clone}/scripts/uninstall --purge`)).code, 0, 'and again')
  })

  await t.test(
    'scripts/restore on a machine that knows nothing of it, then scripts/up',
    async (t) => {
      const restored = await machine.run(`${clone}/scripts/restore /root/backups/leadmaster-*`)
      t.equal(restored.code, 0, restored.stderr)
      t.equal(
        await machine.must(
          `stat -c '%a %U %G' /etc/leadmaster /etc/leadmaster/*.env /var/lib/leadmaster/*`
        ),
        `750 root leadmaster\n${'640 root leadmaster\n'.repeat(3)}${'700 leadmaster leadmaster\n'.repeat(3)}`
      )
      t.equal(await machine.must('find /var/lib/leadmaster -mindepth 1 ! -user leadmaster'), '')
      const { code, stderr } = await up()
      t.equal(code, 0, stderr)
      t.match(stderr, /A phone is linked/, 'the device came along')
      const found = await texts()
      t.same(
        kept.filter((text) => !found.includes(text)),
        [],
        'all that was there before the backup'
      )
      await session('READY')
      await arrived(numbered('saved', 200))
      t.equal(
        (await texts()).filter((text) => text.startsWith('saved')).length,
        200,
        'what came after it is read back, each once'
      )
    }
  )
})

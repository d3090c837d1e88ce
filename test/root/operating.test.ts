import { setTimeout as pause } from 'node:timers/promises'
import t from 'tap'
import {
  centralHub,
  clone,
  eventually,
  manager,
  withSimulation,
  type Installed
} from './installed.ts'
import { bootMachine, type Machine } from './machine.ts'

/** What an operator, or another program, does to an installation; asserted on what systemd says. */

t.setTimeout(1_800_000)

const services = [manager, centralHub]
const dist = `${clone}/dist`

const mainPid = async (machine: Machine, unit: string): Promise<string> =>
  (await machine.must(`systemctl show -P MainPID ${unit}`)).trim()

t.test('an installation in the hands of others', async (t) => {
  const machine = await bootMachine(t)
  const installed: Installed = await withSimulation(machine)
  const { up, active } = installed
  const bothActive = (): Promise<boolean[]> =>
    eventually(
      'both are active',
      () => Promise.all(services.map(active)),
      (found) => found.every(Boolean)
    )

  await t.test('up refuses a first release that does not load, and starts nothing', async (t) => {
    // builds, where that was not done yet
    await machine.must(`${clone}/scripts/setup`, { ms: 180_000 })
    await machine.must(
      `cp -p ${dist}/central-hub/daemon.js /root/daemon.js && echo 'syntax error' >${dist}/central-hub/daemon.js`
    )

    const { code, stderr } = await up()

    await machine.must(`cp -p /root/daemon.js ${dist}/central-hub/daemon.js`)
    t.equal(code, 1)
    t.match(
      stderr,
      /^up: the release \S+ is refused: central-hub ended with exit code 1: SyntaxError: /m
    )
    t.match(stderr, /^up: Nothing was started\.$/m)
    t.equal(
      await machine.must(
        'ls -A /opt/leadmaster/releases; systemctl list-unit-files --no-legend "leadmaster*" || true'
      ),
      ''
    )
  })

  const first = await up()
  t.equal(first.code, 0, first.stderr)
  await bothActive()

  await t.test('a service that somebody else ends by SIGTERM is started again', async (t) => {
    for (const unit of services) {
      const before = await mainPid(machine, unit)
      await machine.must(`kill -TERM ${before}`)

      await eventually(
        `${unit} runs again`,
        () => mainPid(machine, unit),
        (pid) => pid !== '0' && pid !== before,
        20_000
      )

      await bothActive()
      t.match(await machine.show(unit, 'Result'), { Result: 'success' }, unit)
    }
  })

  await t.test(
    'a stop stays a stop, also while systemd waits to start the service again',
    async (t) => {
      await machine.must(`kill -TERM ${await mainPid(machine, manager)}`)
      await eventually(
        'it waits',
        () => machine.show(manager, 'SubState'),
        ({ SubState }) => SubState === 'auto-restart'
      )
      await machine.must(`systemctl stop ${services.join(' ')}`)
      await pause(5_000)
      for (const unit of services)
        t.match(await machine.show(unit, 'ActiveState'), { ActiveState: 'inactive' }, unit)

      await machine.must('systemctl start leadmaster.target')
      await bothActive()
      await machine.must(`systemctl stop ${services.join(' ')}`)
      await pause(5_000)
      for (const unit of services)
        t.match(await machine.show(unit, 'ActiveState'), { ActiveState: 'inactive' }, unit)
      await machine.must('systemctl start leadmaster.target')
      await bothActive()
    }
  )

  await t.test(
    'a disk that is full at the start: leads can be read, and it is called full',
    async (t) => {
      const state = '/var/lib/leadmaster'
      await installed.session('QR_REQUIRED')
      await installed.simulate('scan')
      await installed.session('READY')
      await installed.simulate("message --from +5215512345678 --text 'before the disk was full'")
      await installed.arrived(['before the disk was full'])
      await machine.must("systemctl stop 'leadmaster-*'")
      for (const each of ['session-manager', 'central-hub']) {
        await machine.must(
          `cd ${state} && mount -t tmpfs -o size=160M,mode=700,uid=leadmaster,gid=leadmaster small /mnt && cp -a ${each}/. /mnt && mount --bind /mnt ${each} && umount /mnt`
        )
        await machine.run(`cat /dev/zero >${state}/${each}/filler`)
      }

      await machine.must('systemctl start leadmaster.target')

      await bothActive()
      t.ok((await installed.texts()).includes('before the disk was full'))
      await installed.simulate("message --from +5215512345678 --text 'while it was full'")
      for (const each of ['session-manager', 'central-hub'])
        await machine.must(`rm ${state}/${each}/filler`)
      await installed.arrived(['while it was full'])

      await t.test('without a reserve the reason is in the status, by the word full', async (t) => {
        await machine.must("systemctl stop 'leadmaster-*'")
        for (const each of ['session-manager', 'central-hub'])
          await machine.run(
            `rm -f ${state}/${each}/reserve; cat /dev/zero >${state}/${each}/filler`
          )
        await machine.run(`systemctl start ${manager}`)
        t.match(await machine.show(manager, 'StatusText'), {
          StatusText:
            /^session-manager cannot start: the disk of \/var\/lib\/leadmaster\/session-manager is full \(/
        })
        await machine.must(
          `rm ${state}/session-manager/filler && systemctl stop ${manager} && systemctl start ${manager}`
        )
        await machine.run(`systemctl start ${centralHub}`)
        t.match(await machine.show(centralHub, 'StatusText'), {
          StatusText:
            /^central-hub cannot start: the disk of \/var\/lib\/leadmaster\/central-hub is full \(/
        })
        await machine.must(`rm ${state}/central-hub/filler`)
        await bothActive()
      })
      await machine.must("systemctl stop 'leadmaster-*'")
      for (const each of ['session-manager', 'central-hub'])
        await machine.must(
          `cd ${state} && mount --bind ${each} /mnt && umount ${each} && rm -rf ${each}/* && cp -a /mnt/. ${each} && umount /mnt`
        )
      await machine.must('systemctl start leadmaster.target')
      await bothActive()
    }
  )

  await t.test(
    'up refuses a release whose programs do not load, while the old one runs',
    async (t) => {
      const current = await machine.must('readlink /opt/leadmaster/current')
      const pids = await Promise.all(services.map((unit) => mainPid(machine, unit)))
      const breaks = [
        {
          file: 'session-manager/daemon.js',
          edit: "sed -i '1i setInterval(() => {}, 1000); await new Promise(() => {})'",
          words: /session-manager does not load within 30 s/
        },
        {
          file: 'central-hub/daemon.js',
          edit: "sed -i '1i await new Promise(() => {})'",
          words: /central-hub waits for something that never comes/
        },
        {
          file: 'central-hub/daemon.js',
          edit: "sed -i '1i for (;;) {}'",
          words: /central-hub does not load within 30 s/
        },
        {
          file: 'session-manager/daemon.js',
          edit: "sed -i '1i throw new Error(`this release is broken`)'",
          words: /session-manager ended with exit code 1: Error: this release is broken/
        },
        {
          file: 'central-hub/main.js',
          edit: "sed -i '1i (('",
          words: /central-hub ended with exit code 1: SyntaxError/
        },
        {
          file: 'session-manager/daemon.js',
          edit: 'rm',
          words:
            /session-manager ended with exit code 1: Error \[ERR_MODULE_NOT_FOUND\]: Cannot find module/
        },
        {
          file: 'admin/backup/main.js',
          edit: 'sed -i \'1i import "no-such-package"\'',
          words: /backup ended with exit code 1: Error \[ERR_MODULE_NOT_FOUND\]/
        }
      ]
      for (const { file, edit, words } of breaks) {
        await machine.must(`cp -p ${dist}/${file} /root/kept.js && ${edit} ${dist}/${file}`)
        const begun = performance.now()

        const { code, stderr } = await up()

        const seconds = (performance.now() - begun) / 1_000
        await machine.must(`cp -p /root/kept.js ${dist}/${file}`)
        t.equal(code, 1, edit)
        t.match(stderr, words)
        t.match(stderr, /^up: Nothing was changed: the release \S+ runs as before\.$/m)
        t.ok(seconds < 60, `${seconds.toFixed(1)} s`)
        t.equal(await machine.must('readlink /opt/leadmaster/current'), current)
      }
      t.same(
        await Promise.all(services.map((unit) => mainPid(machine, unit))),
        pids,
        'no service was restarted'
      )
      t.match(
        await machine.must('ls -A /opt/leadmaster/releases'),
        /^\S+\n$/,
        'nothing of the refused ones is left'
      )
    }
  )

  await t.test(
    'what was on before scripts/uninstall is on again after scripts/up, and nothing else',
    async (t) => {
      t.match(first.stderr, /^up: There are no backups: deploy\/systemd\/README.md, "Backups"/m)
      await machine.must(
        'install -m 600 /opt/leadmaster/current/deploy/env/backup.env /etc/leadmaster/ && install -d -m 700 /var/backups/leadmaster && systemctl enable --now --quiet leadmaster-backup.timer'
      )
      await machine.must(`systemctl disable --now --quiet ${centralHub}`)
      const gone = await machine.run('/opt/leadmaster/current/scripts/uninstall')
      t.match(gone, {
        code: 0,
        stderr: /the nightly backup is off until scripts\/up puts it on again/
      })

      const { code, stderr } = await up()

      t.equal(code, 0, stderr)
      t.match(
        stderr,
        /^up: enabled again, as before scripts\/uninstall: leadmaster-backup\.timer$/m
      )
      t.match(
        stderr,
        /^up: leadmaster-central-hub\.service was disabled before scripts\/uninstall, and stays so$/m
      )
      t.notMatch(stderr, /There are no backups/)
      t.match(await machine.show('leadmaster-backup.timer', 'ActiveState', 'UnitFileState'), {
        ActiveState: 'active',
        UnitFileState: 'enabled'
      })
      t.match(await machine.show(centralHub, 'ActiveState', 'UnitFileState'), {
        ActiveState: 'inactive',
        UnitFileState: 'disabled'
      })
      t.equal((await machine.run('test -e /etc/leadmaster/enabled-units')).code, 1)
    }
  )

  await t.test('a backup to a place that its unit does not see says why', async (t) => {
    for (const place of ['/home/backups', '/tmp/backups']) {
      await machine.must(
        `install -d -m 700 ${place} && sed -i 's|^BACKUP_TO=.*|BACKUP_TO=${place}|' /etc/leadmaster/backup.env`
      )
      t.equal((await machine.run('systemctl start leadmaster-backup.service')).code, 1)
      t.match(
        await machine.must('journalctl -u leadmaster-backup.service -n 20 -o cat'),
        `leadmaster-backup.service does not see ${place}`
      )
    }
  })

  await t.test('leadmaster log shows the journal in readable lines', async (t) => {
    t.match(
      await machine.must('leadmaster log --lines 200'),
      /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d info  session-manager +listening on 127\.0\.0\.1:3001$/m
    )
  })
})

import { setTimeout as pause } from 'node:timers/promises'
import t, { type Test } from 'tap'
import {
  centralHub,
  clone,
  eventually,
  manager,
  processesOf,
  withSimulation,
  type Installed
} from './installed.ts'
import { bootMachine, type Machine } from './machine.ts'

/**
 * What the handbook says happens, asserted on what systemctl and journalctl show; and that no
 * message is lost by any of it.
 */

t.setTimeout(1_800_000)

const services = [manager, centralHub]
const state = '/var/lib/leadmaster'

const invocation = async (machine: Machine, unit: string): Promise<string> =>
  (await machine.show(unit, 'InvocationID'))['InvocationID'] as string
const mainPid = async (machine: Machine, unit: string): Promise<string> =>
  (await machine.must(`systemctl show -P MainPID ${unit}`)).trim()
const environment = (machine: Machine, service: string, edit: string): Promise<string> =>
  machine.must(`sed -i '${edit}' /etc/leadmaster/${service}.env`)

t.test('operated by systemd', async (t) => {
  const machine = await bootMachine(t)
  const installed: Installed = await withSimulation(machine)
  const { simulate, hub, texts, session, active } = installed
  const first = await installed.up()
  t.equal(first.code, 0, first.stderr)
  await session('QR_REQUIRED')
  await simulate('scan')
  await session('READY')

  const written: string[] = []
  /** A lead writes, whatever state all is in. */
  const write = async (about: string): Promise<void> => {
    const text = `${written.length} ${about}`
    await simulate(
      `message --from +521551234${String(written.length % 5).padStart(4, '0')} --text '${text}'`
    )
    written.push(text)
  }
  /**
   * All is as it should be again, by itself: both active, the session READY, and every message in
   * the hub, once.
   */
  const allWell = async (t: Test, ms = 40_000): Promise<void> => {
    await eventually(
      'both are active',
      () => Promise.all(services.map(active)),
      (found) => found.every(Boolean),
      ms
    )
    await session('READY', ms)
    await write('when all was well again')
    await installed.arrived(written, ms)
    const found = (await texts()).filter((text) => /^\d+ /.test(text))
    t.same([...found].sort(), [...written].sort(), 'every message is there once')
  }
  const states = async (): Promise<string> =>
    (
      await Promise.all(
        services.map(async (unit) => (await machine.show(unit, 'ActiveState'))['ActiveState'])
      )
    ).join(' ')
  const settled = (wanted: string): Promise<string> =>
    eventually(`states ${wanted}`, states, (found) => found === wanted, 10_000)
  const nothingLeft = (): Promise<string[]> =>
    eventually(
      'nothing of the slice lives',
      () => processesOf(machine),
      (left) => left.length === 0,
      2_000
    )

  await t.test(
    'the hub started first pulls session-manager, and waits for its READY',
    async (t) => {
      t.match((await processesOf(machine)).join('\n'), /chromium/)
      await machine.must("systemctl stop 'leadmaster-*'")
      t.same(
        await processesOf(machine),
        [],
        'after the stop nothing of the slice lives, Chromium included'
      )
      await write('while all was stopped')
      await machine.must(`systemctl start ${centralHub}`)
      t.equal(await states(), 'active active')
      const [mine, theirs] = await Promise.all(
        [centralHub, manager].map((unit) =>
          machine.show(unit, 'ActiveEnterTimestampMonotonic', 'InactiveExitTimestampMonotonic')
        )
      )
      t.ok(
        Number(mine?.['InactiveExitTimestampMonotonic']) >=
          Number(theirs?.['ActiveEnterTimestampMonotonic'])
      )
      await allWell(t)
    }
  )

  await t.test('stop and restart propagate as Requires= says', async (t) => {
    const [before, beforeHub] = [
      await invocation(machine, manager),
      await invocation(machine, centralHub)
    ]
    await machine.must(`systemctl stop ${centralHub}`)
    t.equal(await states(), 'active inactive')
    await pause(4_000)
    t.equal(await states(), 'active inactive', 'a stop by hand is not undone')
    await write('while the hub was stopped')
    await machine.must(`systemctl start ${manager}`)
    t.equal(await invocation(machine, manager), before)
    await settled('active active')
    await machine.must(`systemctl restart ${manager}`)
    await settled('active active')
    t.not(await invocation(machine, manager), before)
    t.not(await invocation(machine, centralHub), beforeHub)
    await machine.must(`systemctl stop ${manager}`)
    t.equal(await states(), 'inactive inactive')
    await machine.must(`systemctl start ${manager}`)
    await settled('active active')
    await allWell(t)
  })

  await t.test('the target, and the glob as it is typed', async (t) => {
    const down = async (command: string): Promise<void> => {
      await machine.must(command)
      await settled('inactive inactive')
      await nothingLeft()
    }
    const up = async (command: string): Promise<void> => {
      const begun = performance.now()
      await machine.must(`cd / && ${command}`)
      t.equal(await states(), 'active active', command)
      t.comment(`${command}: ${Math.round(performance.now() - begun)} ms`)
    }
    await down('systemctl stop leadmaster.target')
    await up('systemctl start leadmaster.target')
    await down('systemctl stop leadmaster.target')
    await up('systemctl start leadmaster-*')
    await down('systemctl stop leadmaster-*')
    await up('systemctl start leadmaster-*')
    await down('systemctl stop leadmaster-*')
    await up("systemctl start --all 'leadmaster-*'")
    await down('systemctl stop leadmaster-*')
    await up('systemctl restart leadmaster-*')
    await machine.must(`systemctl stop ${centralHub} && cd / && systemctl start leadmaster-*`)
    await settled('active active')
    const before = await invocation(machine, manager)
    await up('systemctl start leadmaster-*')
    t.equal(await invocation(machine, manager), before, 'what runs is left alone')
    await allWell(t)
  })

  await t.test('kill -9 of session-manager: it is back in seconds, the hub with it', async (t) => {
    const before = await invocation(machine, centralHub)
    const oldOnes = (
      await machine.must(`cat /sys/fs/cgroup/leadmaster.slice/${manager}.service/cgroup.procs`)
    )
      .trim()
      .split('\n')
    await machine.must(`kill -9 ${await mainPid(machine, manager)}`)
    await write('while session-manager was dead')
    t.ok(await active(centralHub), 'the hub goes on meanwhile')
    await eventually(
      'it is started again',
      () => machine.show(manager, 'NRestarts', 'ActiveState'),
      ({ NRestarts, ActiveState }) => NRestarts !== '0' && ActiveState === 'active'
    )
    await allWell(t)
    t.not(await invocation(machine, centralHub), before, 'and is restarted with it')
    t.ok(oldOnes.length > 5)
    const left = (
      await machine.must(`cat /sys/fs/cgroup/leadmaster.slice/${manager}.service/cgroup.procs`)
    )
      .trim()
      .split('\n')
    t.same(
      left.filter((pid) => oldOnes.includes(pid)),
      [],
      'no Chromium of the dead one is left'
    )
    t.match(
      await machine.must(`journalctl -u ${manager} -o cat`),
      'Main process exited, code=killed, status=9/KILL'
    )
  })

  await t.test('kill -9 of the hub: session-manager does not notice', async (t) => {
    const before = await invocation(machine, manager)
    await machine.must(`kill -9 ${await mainPid(machine, centralHub)}`)
    await write('while the hub was dead')
    await allWell(t)
    t.equal(await invocation(machine, manager), before)
  })

  await t.test('kill -9 of Chromium, and of its page alone: no service is restarted', async (t) => {
    const before = [await invocation(machine, manager), await invocation(machine, centralHub)]
    await machine.must(
      `pkill -9 -o -u leadmaster -f 'user-data-dir=${state}/session-manager/profile'`
    )
    await write('while Chromium was dead')
    await allWell(t)
    await machine.must("pkill -9 -u leadmaster -f -- '--type=renderer'")
    await write('while the page was dead')
    await allWell(t)
    t.same([await invocation(machine, manager), await invocation(machine, centralHub)], before)
  })

  await t.test('SIGSTOP of each: the watchdog acts', async (t) => {
    // the half minute is shortened, all else is as it is shipped
    for (const unit of services)
      t.match(await machine.show(unit, 'WatchdogUSec', 'TimeoutAbortUSec'), {
        WatchdogUSec: '30s',
        TimeoutAbortUSec: '5s'
      })
    await machine.must(
      'mkdir -p /run/systemd/system/leadmaster-.service.d && printf "[Service]\\nWatchdogSec=3s\\nTimeoutAbortSec=1s\\n" >/run/systemd/system/leadmaster-.service.d/short.conf && systemctl daemon-reload'
    )
    await machine.must(`systemctl restart ${services.join(' ')}`)
    for (const unit of services) {
      await session('READY')
      await machine.must(`kill -STOP ${await mainPid(machine, unit)}`)
      await write(`while ${unit} was stuck`)
      await machine.journal(new RegExp(`${unit}\\.service: Watchdog timeout`), { unit, ms: 15_000 })
      await allWell(t)
    }
    await machine.must(
      `rm -r /run/systemd/system/leadmaster-.service.d && systemctl daemon-reload && systemctl restart ${services.join(' ')}`
    )
    await allWell(t)
  })

  await t.test(
    'what says how long it will be busy is not killed for that, and is watched again afterwards',
    async (t) => {
      const run = (unit: string, busy: string): Promise<string> => {
        const script = `import { createNotify } from "${clone}/src/platform/notify.ts"; const notify = createNotify(process.env.NOTIFY_SOCKET); notify.ready("at work"); notify.watchdog(() => true); const over = ${busy}; Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5_000); over(); notify.status("over")`
        return machine.must(
          `systemd-run --quiet --unit=${unit} -p Type=notify -p WatchdogSec=2s -p TimeoutAbortSec=1s ${clone}/node_modules/.bin/node --input-type=module-typescript -e '${script}'`
        )
      }
      await Promise.all([run('busy', 'notify.busy(60_000)'), run('stuck', '() => undefined')])
      await machine.journal(/stuck\.service: Watchdog timeout/, { unit: 'stuck', ms: 15_000 })
      t.match(
        await eventually(
          'it is over',
          () => machine.show('busy', 'StatusText', 'ActiveState'),
          (shown) => shown['StatusText'] !== 'at work',
          15_000
        ),
        { StatusText: 'over', ActiveState: 'active' }
      )
      await machine.must(`kill -STOP ${await mainPid(machine, 'busy')}`)
      await machine.journal(/busy\.service: Watchdog timeout \(limit 2s\)/, {
        unit: 'busy',
        ms: 15_000
      })
    }
  )

  await t.test('a full disk: both go on, say so, and catch up once there is room', async (t) => {
    await machine.must("systemctl stop 'leadmaster-*'")
    for (const each of ['session-manager', 'central-hub']) {
      await machine.must(
        `cd ${state} && mount -t tmpfs -o size=160M,mode=700,uid=leadmaster,gid=leadmaster small /mnt && cp -a ${each}/. /mnt && mount --bind /mnt ${each} && umount /mnt`
      )
    }
    await machine.must('systemctl start leadmaster.target')
    await allWell(t)
    const before = [await invocation(machine, manager), await invocation(machine, centralHub)]
    for (const each of ['session-manager', 'central-hub'])
      await machine.run(`cat /dev/zero >${state}/${each}/filler`)
    for (let message = 0; message < 30; message += 1) await write('while the disk was full')
    await eventually(
      'it says so',
      () =>
        machine.must(`curl --silent -H @- http://127.0.0.1:3001/status`, {
          input: `Authorization: Bearer ${'0123456789abcdef'.repeat(4)}\n`
        }),
      (text) => /journal cannot be written/.test(text)
    )
    t.match(
      await machine.must(`journalctl -u ${manager} -p err -o cat`),
      'the journal cannot be written'
    )
    t.equal(await states(), 'active active')
    await machine.must(`rm ${state}/session-manager/filler`)
    await pause(1_000)
    await machine.must(`rm ${state}/central-hub/filler`)
    await allWell(t)
    t.same(
      [await invocation(machine, manager), await invocation(machine, centralHub)],
      before,
      'neither was restarted'
    )
    await machine.must("systemctl stop 'leadmaster-*'")
    for (const each of ['session-manager', 'central-hub'])
      await machine.must(
        `cd ${state} && mount --bind ${each} /mnt && umount ${each} && rm -rf ${each}/* && cp -a /mnt/. ${each} && umount /mnt`
      )
    await machine.must('systemctl start leadmaster.target')
    await allWell(t)
  })

  await t.test(
    'a port that is taken: tried again and again, and a boot does not wait',
    async (t) => {
      await machine.must("systemctl stop leadmaster.target 'leadmaster-*'")
      // no $ in it: systemd-run would replace it
      const take = (port: number): Promise<string> =>
        machine.must(`systemd-run --quiet --unit=taker perl -MIO::Socket::INET -e '(IO::Socket::INET->new(LocalAddr => "127.0.0.1:${port}", Listen => 1, ReuseAddr => 1) or die) && sleep'
        timeout 10 bash -c 'until (exec 3<>/dev/tcp/127.0.0.1/${port}) 2>/dev/null; do sleep 0.1; done'`)
      await take(3001)
      await write('while the port was taken')
      t.equal(
        (await machine.run(`systemctl start ${centralHub}`, { ms: 20_000 })).code,
        1,
        'a start of the hub says at once that it cannot be'
      )
      await machine.must('timeout 10 systemctl start multi-user.target', { ms: 20_000 })
      t.match(
        await machine.show('leadmaster.target', 'ActiveState', 'Job'),
        { ActiveState: 'inactive', Job: /^[1-9]/ },
        'the target itself does'
      )
      await eventually(
        'it is tried again',
        () => machine.show(manager, 'NRestarts'),
        ({ NRestarts }) => Number(NRestarts) >= 2
      )
      t.match(await states(), /^activating inactive$/)
      t.match(
        await machine.must(`journalctl -u ${manager} -o cat`),
        'PORT=3001 is taken by another program'
      )
      await machine.must('systemctl stop taker')
      await allWell(t)
      t.match(await machine.show('leadmaster.target', 'ActiveState'), { ActiveState: 'active' })

      const before = await invocation(machine, manager)
      await machine.must(`systemctl stop ${centralHub}`)
      await take(3012)
      t.equal((await machine.run(`systemctl start ${centralHub}`)).code, 1)
      await write('while the port of the hub was taken')
      await machine.must('systemctl stop taker')
      await allWell(t)
      t.equal(await invocation(machine, manager), before)
    }
  )

  await t.test(
    'a profile that cannot be written: session-manager serves and says so, and mends itself',
    async (t) => {
      await machine.must(
        `systemctl stop 'leadmaster-*'; chown -R root:root ${state}/session-manager/profile && chmod -R go=rX ${state}/session-manager/profile && systemctl start leadmaster.target`
      )
      await write('while the profile was read-only')
      const { reason } = await eventually(
        'it says so',
        () => hub<{ status: string; reason?: string }>('/api/whatsapp/status'),
        ({ status }) => status === 'ERROR' || status === 'DISCONNECTED',
        20_000
      )
      t.comment(reason)
      t.equal(await states(), 'active active')
      await machine.must(
        `chown -R leadmaster:leadmaster ${state}/session-manager/profile && chmod -R go= ${state}/session-manager/profile`
      )
      await allWell(t)
      t.match(await machine.show(manager, 'NRestarts'), { NRestarts: '0' })
    }
  )

  await t.test('a refused environment: down, said why, and no restart loop', async (t) => {
    await environment(machine, 'session-manager', 's/^PORT=3001/PORT=0/')
    t.equal((await machine.run(`systemctl restart ${manager}`)).code, 1)
    await pause(5_000)
    t.match(
      await machine.show(manager, 'ActiveState', 'ExecMainStatus', 'NRestarts', 'StatusText'),
      {
        ActiveState: 'failed',
        ExecMainStatus: '78',
        NRestarts: '0',
        StatusText: /PORT="0" is refused/
      }
    )
    t.equal(await states(), 'failed inactive')
    await write('while the environment was refused')
    await machine.must('timeout 10 systemctl start leadmaster.target', { ms: 20_000 })
    await environment(machine, 'session-manager', 's/^PORT=0/PORT=3001/')
    await machine.must('systemctl start leadmaster-*')
    await allWell(t)

    const before = await invocation(machine, manager)
    await environment(
      machine,
      'central-hub',
      's/^SESSION_MANAGER_BASE_URL=/SESSION_MANAGER_BASE_URI=/'
    )
    t.equal((await machine.run(`systemctl restart ${centralHub}`)).code, 1)
    await pause(4_000)
    t.match(await machine.show(centralHub, 'ActiveState', 'ExecMainStatus', 'NRestarts'), {
      ActiveState: 'failed',
      ExecMainStatus: '78',
      NRestarts: '0'
    })
    await environment(
      machine,
      'central-hub',
      's/^SESSION_MANAGER_BASE_URI=/SESSION_MANAGER_BASE_URL=/'
    )
    await machine.must(`systemctl start ${centralHub}`)
    await allWell(t)
    t.equal(await invocation(machine, manager), before)
  })

  await t.test('50 restarts in a row', async (t) => {
    const begun = performance.now()
    const flowing = simulate('burst --count 100 --rate 4 --chats 5 --text flowing')
    await machine.must(
      `for i in $(seq 50); do systemctl restart ${services.join(' ')} || exit 1; done`,
      { ms: 600_000 }
    )
    t.comment(`${((performance.now() - begun) / 1_000).toFixed(1)} s`)
    await flowing
    await allWell(t)
    await installed.arrived(Array.from({ length: 100 }, (_, at) => `flowing ${at}`))
    t.equal((await texts()).filter((text) => text.startsWith('flowing')).length, 100, 'each once')
    t.equal((await processesOf(machine)).filter((line) => line.includes('main.js')).length, 2)
  })

  await t.test('at the end nothing was sent, and nothing is left', async (t) => {
    await machine.must('systemctl stop leadmaster-*')
    t.same(await processesOf(machine), [])
    t.equal(
      await machine.must(`${clone}/scripts/uninstall 2>&1 | tail -1`),
      'uninstall: kept: the env files in /etc/leadmaster, the data in /var/lib/leadmaster. With --purge these go too.\n'
    )
  })
})

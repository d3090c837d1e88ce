import { statSync as statOf } from 'node:fs'
import t from 'tap'
import { bootMachine } from './machine.ts'

t.setTimeout(1_800_000)

t.test('a machine boots, with a network and files of its own', async (t) => {
  const machine = await bootMachine(t)
  t.equal(await machine.must('systemctl --failed --no-legend'), '', 'no unit failed')
  t.equal((await machine.must('systemctl is-system-running')).trim(), 'running')
  t.equal((await machine.must('cat /proc/1/comm')).trim(), 'systemd')
  t.match(await machine.must('cat /proc/net/dev'), /^\s*lo:/m)
  t.notMatch(await machine.must('cat /proc/net/dev'), /^\s*(eth|en)/m)
  await machine.must('touch /etc/of-the-machine && systemd-run --unit=hello --wait echo hello')
  t.throws(() => statOf('/etc/of-the-machine'), { code: 'ENOENT' })
  t.match(await machine.journal(/hello/, { unit: 'hello' }), 'hello')
  t.match(await machine.show('systemd-journald', 'ActiveState', 'SubState'), {
    ActiveState: 'active',
    SubState: 'running'
  })
})

t.test('two at a time have nothing to do with each other', async (t) => {
  const machines = await Promise.all([bootMachine(t), bootMachine(t)])
  for (const machine of machines) await machine.must('systemd-run --unit=same sleep infinity')
  for (const machine of machines)
    t.equal(
      (await machine.must('wc -l </sys/fs/cgroup/system.slice/same.service/cgroup.procs')).trim(),
      '1'
    )
  await machines[0].must('systemctl stop same')
  t.match(await machines[1].show('same', 'ActiveState'), { ActiveState: 'active' })
})

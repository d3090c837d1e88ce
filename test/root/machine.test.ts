import { statSync as statOf } from 'node:fs'
import t from 'tap'
import { bootMachine } from './machine.ts'

t.setTimeout(180_000)

t.test('a machine boots, with a network and files of its own', async (t) => {
  const machine = await bootMachine(t)
  t.equal((await machine.must('systemctl is-system-running')).trim(), 'running')
  t.equal((await machine.must('cat /proc/1/comm')).trim(), 'systemd')
  t.match(await machine.must('cat /proc/net/dev'), /^\s*lo:/m)
  t.notMatch(await machine.must('cat /proc/net/dev'), /^\s*(eth|en)/m)
  await machine.must('touch /etc/of-the-machine && systemd-run --unit=hello --wait echo hello')
  t.throws(() => statOf('/etc/of-the-machine'), { code: 'ENOENT' })
  t.match(await machine.journal(/hello/, { unit: 'hello' }), 'hello')
  t.match(await machine.show('systemd-journald', 'ActiveState', 'SubState'), { ActiveState: 'active', SubState: 'running' })
})

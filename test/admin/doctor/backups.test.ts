import t from 'tap'
import { checkBackups } from '../../../src/admin/doctor/backups.ts'
import type { Played } from './played-host.ts'
import { ask, installed } from './wired.ts'

/** Whether the nightly backups are made, where their timer is enabled. */

const now = Date.parse('2026-11-24T12:00:00Z')
const enabled = 'systemctl show leadmaster-backup.timer --property UnitFileState'
const result = 'systemctl show leadmaster-backup.service --property Result'
const check = async (played: Played & { made?: string[]; env?: string; failed?: boolean }) =>
  checkBackups(
    await ask(
      installed({
        now,
        files: {
          ...(played.env === undefined ? {} : { '/etc/leadmaster/backup.env': played.env }),
          ...Object.fromEntries(
            (played.made ?? []).map((name) => [`/srv/backups/${name}/manifest.json`, '{}'])
          )
        },
        commands: {
          [enabled]: { stdout: 'enabled\n' },
          [result]: { stdout: `${played.failed === true ? 'exit-code' : 'success'}\n` },
          ...played.commands
        }
      })
    )
  )
const env = 'BACKUP_TO=/srv/backups\n'

t.test('backups', async (t) => {
  t.same(
    await check({ env, commands: { [enabled]: { stdout: 'disabled\n' } } }),
    [],
    'nobody wants them'
  )
  t.match(await check({ env: '#BACKUP_KEEP=7\n' }), [
    {
      state: 'fault',
      detail: /does not say where to/,
      mend: /BACKUP_TO=\/var\/backups\/leadmaster.*systemctl start leadmaster-backup\.service/
    }
  ])
  t.match(await check({ env }), [
    { state: 'note', detail: /there is no backup in \/srv\/backups yet/ }
  ])
  t.match(
    await check({
      env,
      made: [
        'leadmaster-20261123T120000Z',
        'leadmaster-20261124T090000Z',
        'leadmaster-20261122T090000Z'
      ]
    }),
    [{ state: 'ok', detail: 'the newest in /srv/backups is 3 h old' }]
  )
  t.match(await check({ env, made: ['leadmaster-20261120T120000Z'] }), [
    {
      state: 'fault',
      detail: 'the newest backup in /srv/backups is 4 d old',
      mend: /^systemctl start leadmaster-backup\.timer; /
    }
  ])
  t.match(await check({ env, failed: true, made: ['leadmaster-20261124T110000Z'] }), [
    {
      state: 'fault',
      detail: 'the last backup failed (exit-code); the newest in /srv/backups is 1 h old',
      mend: /journalctl -u leadmaster-backup\.service/
    }
  ])
})

t.test('a directory that the unit of the backup does not see', async (t) => {
  const unit = {
    'systemctl show leadmaster-backup.service --property ProtectHome': { stdout: 'yes\n' },
    'systemctl show leadmaster-backup.service --property ReadWritePaths': {
      stdout: '-/var/lib/leadmaster -/var/backups -/srv\n'
    }
  }
  const to = async (path: string, commands: object = {}) =>
    check({ env: `BACKUP_TO=${path}\n`, commands: { ...unit, ...commands } })
  const mend =
    "mkdir -p /etc/systemd/system/leadmaster-backup.service.d /home/ana/backups && printf '[Service]\\nProtectHome=no\\nReadWritePaths=%s\\n' /home/ana/backups >/etc/systemd/system/leadmaster-backup.service.d/backup-to.conf && systemctl daemon-reload && systemctl start leadmaster-backup.service"
  t.match(await to('/home/ana/backups'), [
    {
      state: 'fault',
      detail:
        /below a home directory, which leadmaster-backup\.service does not see \(ProtectHome=yes\)/,
      mend
    }
  ])
  t.match(await to('/opt/backups'), [
    {
      state: 'fault',
      detail:
        /is closed to leadmaster-backup\.service, which may write below \/var\/lib\/leadmaster, \/var\/backups, \/srv alone/
    }
  ])
  for (const path of ['/srv/backups', '/srv', '/var/backups/x'])
    t.match(await to(path), [{ state: 'note' }], path)
  t.match(await to('/srv2'), [{ state: 'fault' }], 'one beside it')
  t.match(
    await to('/home/ana/backups', {
      'systemctl show leadmaster-backup.service --property ProtectHome': { stdout: 'no\n' },
      'systemctl show leadmaster-backup.service --property ReadWritePaths': {
        stdout: '/home/ana/backups\n'
      }
    }),
    [{ state: 'note' }]
  )
})

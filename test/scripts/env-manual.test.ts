import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import t from 'tap'
import { makeEnvManual, readEntries } from '../../scripts/env-manual.ts'
import { schema as centralHub } from '../../src/central-hub/config.ts'
import { schema as sessionManager } from '../../src/session-manager/config.ts'

/** leadmaster.env(5) explains every variable, as its template does. */

const root = resolve(import.meta.dirname, '../..')
const manual = makeEnvManual(root)
const sections = new Map(
  manual.split(/^\.SH /m).map((text) => [text.split('\n')[0]?.replaceAll('\\', ''), text])
)

for (const [service, schema] of Object.entries({
  'session-manager': sessionManager,
  'central-hub': centralHub
})) {
  t.test(
    `the manual page has each variable of ${service}, in the order of its schema`,
    async (t) => {
      const section = sections.get(`${service.toUpperCase()}.ENV`) ?? ''

      const named = [...section.matchAll(/^\.BR ([A-Z_]+)/gm)].map(([, name]) => name)

      t.same(named, Object.keys(schema))
    }
  )
}

t.test('the manual page has the words and the default of the template', async (t) => {
  const template = readFileSync(join(root, 'deploy/env/backup.env'), 'utf8')
  const [to, keep] = readEntries(template)

  t.match(to, {
    assignments: ['BACKUP_TO=/var/backups/leadmaster'],
    isRequired: true,
    text: /^The directory /
  })
  t.match(keep, { assignments: ['BACKUP_KEEP=7'], isRequired: false, text: /^How many are kept / })
  t.match(sections.get('BACKUP.ENV'), '.BR BACKUP_KEEP "=7"\nHow many are kept there, 1 to 10000.')
})

t.test('variables with one explanation are listed together', async (t) => {
  t.match(
    manual,
    '.TP\n.BR RECONNECT_MIN_DELAY "=2s"\n.TQ\n.BR RECONNECT_MAX_DELAY "=5m"\nThe wait before reconnecting'
  )
})

const groff = spawnSync('groff', ['--version']).error === undefined
t.test(
  'groff has nothing to say of it',
  { skip: groff ? false : 'there is no groff' },
  async (t) => {
    const { status, stderr } = spawnSync('groff', ['-man', '-ww', '-Tutf8'], {
      input: manual,
      encoding: 'utf8'
    })

    t.equal(status, 0)
    t.equal(stderr, '')
  }
)

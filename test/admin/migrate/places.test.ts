import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { findPlaces } from '../../../src/admin/migrate/places.ts'

const url = 'postgres://leadmaster:secret@127.0.0.1:5432/leadmaster'

t.test('the file and the database are those of the env file of the hub', async (t) => {
  const home = t.testdir({ 'central-hub.env': `STATE_DIR=/var/lib/here\nDATABASE_URL="${url}"\n` })
  t.same(findPlaces({}, { LEADMASTER_HOME: home }, '/nowhere'), {
    file: '/var/lib/here/hub.db',
    url,
    envFile: join(home, 'central-hub.env'),
    installed: false
  })
})

t.test('a run of scripts/up in the clone', async (t) => {
  const clone = t.testdir({
    '.leadmaster': { 'central-hub.env': `STATE_DIR=/a\nDATABASE_URL=${url}\n` }
  })
  t.match(findPlaces({}, {}, clone), {
    file: '/a/hub.db',
    envFile: join(clone, '.leadmaster/central-hub.env')
  })
})

t.test(
  '--from names a file or its directory, --to-env another env file; with both no other one is looked for',
  async (t) => {
    const directory = t.testdir({ 'to.env': `DATABASE_URL=${url}\n`, state: {} })
    const to = join(directory, 'to.env')
    mkdirSync(join(directory, 'state'), { recursive: true })
    t.match(findPlaces({ from: join(directory, 'state'), 'to-env': to }, {}, '/nowhere'), {
      file: join(directory, 'state/hub.db'),
      envFile: to
    })
    t.match(findPlaces({ from: '/x/copy.db', 'to-env': to }, {}, '/nowhere'), {
      file: '/x/copy.db'
    })
  }
)

t.test('what is missing or wrong is told, and no secret', async (t) => {
  const home = t.testdir()
  const file = join(home, 'central-hub.env')
  const find = (text: string) => () => {
    writeFileSync(file, text)
    return findPlaces({}, { LEADMASTER_HOME: home }, '/nowhere')
  }
  t.throws(() => findPlaces({}, { LEADMASTER_HOME: join(home, 'none') }, '/nowhere'), {
    message: /there is no .*none\/central-hub\.env, or this user may not see it/
  })
  t.throws(find('STATE_DIR=/a\n'), { message: /has no DATABASE_URL: add the line/ })
  t.throws(find(`DATABASE_URL=${url}\n`), { message: /has no STATE_DIR/ })
  t.throws(find('STATE_DIR=/a\nDATABASE_URL=postgres://a:s3cret@/b\n'), {
    message: /^(?!.*s3cret).*is refused: expected a URL such as/
  })
  t.throws(() => findPlaces({ from: '/x', 'to-env': join(home, 'none.env') }, {}, '/nowhere'), {
    message: /none\.env cannot be read \(ENOENT\)/
  })
})

import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { findTarget } from '../../../src/admin/cli/target.ts'
import { ownDirectory } from '../../platform/own-directory.ts'

const write = (directory: string, text: string, file = 'central-hub.env'): string => {
  mkdirSync(directory, { recursive: true })
  writeFileSync(join(directory, file), text)
  return join(directory, file)
}

t.test('options come before variables, and these before the env file', async (t) => {
  const home = ownDirectory(t)
  const file = write(home, 'HOST=0.0.0.0\nPORT=3099\nHUB_API_TOKEN="of the file"\n')
  const tokenFile = write(home, 'of-an-option\n', 'token')
  const env = { LEADMASTER_HOME: home }
  t.same(findTarget({}, env, '/nonexistent'), {
    url: 'http://127.0.0.1:3099',
    urlFrom: file,
    token: 'of the file',
    tokenFrom: file
  })
  const variables = {
    ...env,
    LEADMASTER_URL: 'http://hub.example.com',
    LEADMASTER_TOKEN: 'of-a-variable'
  }
  t.same(findTarget({}, variables, '/nonexistent'), {
    url: 'http://hub.example.com',
    urlFrom: 'LEADMASTER_URL',
    token: 'of-a-variable',
    tokenFrom: 'LEADMASTER_TOKEN'
  })
  const options = { url: 'https://other.example.com', 'token-file': tokenFile }
  t.same(findTarget(options, variables, '/nonexistent'), {
    url: 'https://other.example.com',
    urlFrom: '--url',
    token: 'of-an-option',
    tokenFrom: tokenFile
  })
  t.match(findTarget({ 'token-file': tokenFile }, env, '/nonexistent'), {
    url: 'http://127.0.0.1:3099',
    token: 'of-an-option'
  })
})

t.test('the clone has its own, where nothing is installed', async (t) => {
  const clone = ownDirectory(t)
  write(join(clone, '.leadmaster'), 'HOST=::\nPORT=3098\nHUB_API_TOKEN=x\n')
  t.match(findTarget({}, {}, clone), { url: /^http:/ })
})

t.test('what is missing is said, with what to do', async (t) => {
  const home = ownDirectory(t)
  const env = { LEADMASTER_HOME: home }
  t.throws(() => findTarget({}, env, '/nonexistent'), {
    message: /there is no .*central-hub\.env: start LeadMaster by scripts\/up, or say where it is/
  })
  write(home, 'PORT=3012\n')
  t.throws(() => findTarget({}, env, '/nonexistent'), {
    message: /central-hub\.env has no HUB_API_TOKEN/
  })
  t.throws(
    () => findTarget({ url: 'http://x' }, env, '/nonexistent'),
    { message: /--url wants the token of that hub/ },
    'the token of this machine goes to no other'
  )
  t.throws(
    () => findTarget({ url: 'localhost:3012', 'token-file': '/dev/null' }, env, '/nonexistent'),
    { message: /expected a URL/ }
  )
  t.throws(() => findTarget({ 'token-file': '/nonexistent' }, env, '/nonexistent'), {
    message: /cannot be read \(ENOENT\)/
  })
  t.throws(
    () => findTarget({ 'token-file': write(home, 'two words\n', 'token') }, env, '/nonexistent'),
    { message: /does not hold one token/ }
  )
})

t.test(
  'a file that is not to be read says who may',
  { skip: process.getuid?.() === 0 && 'root may read everything' },
  async (t) => {
    const home = ownDirectory(t)
    chmodSync(write(home, 'HUB_API_TOKEN=x\n'), 0)
    t.throws(() => findTarget({}, { LEADMASTER_HOME: home }, '/nonexistent'), {
      message: /run it as root/
    })
  }
)

t.test(
  'a directory that is closed to this user is not called empty',
  { skip: process.getuid?.() === 0 && 'root may look everywhere' },
  async (t) => {
    const home = ownDirectory(t)
    const closed = join(home, 'closed')
    mkdirSync(closed, { mode: 0 })
    t.teardown(() => chmodSync(closed, 0o700))
    t.throws(() => findTarget({}, { LEADMASTER_HOME: closed }, '/nonexistent'), {
      message: /central-hub\.env may not be looked at by this user: run it as root/
    })
  }
)

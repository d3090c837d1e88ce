import { randomBytes, randomUUID } from 'node:crypto'
import { mkdir, readdir, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import t, { type Test } from 'tap'
import { s3Store } from '../../../../src/session-manager/cluster/profile-backup/s3.ts'
import {
  directoryStore,
  generations,
  nameOf,
  type Store
} from '../../../../src/session-manager/cluster/profile-backup/store.ts'
import { freePort } from '../../../end-to-end/daemon.ts'
import { ownDirectory } from '../../../platform/own-directory.ts'
import { credentials, startS3 } from './s3-server.ts'

const journal = randomUUID()

t.test(
  'a name tells when a backup was made, and by whose journal; the newest comes first, anything else is passed over',
  async (t) => {
    const times = [
      Date.UTC(2026, 10, 25, 4, 59, 1, 7),
      Date.UTC(2026, 10, 25, 5),
      Date.UTC(2025, 0, 1)
    ]
    const names = times.map((at) => nameOf(at, journal))
    t.equal(names[0], `2026-11-25T04-59-01-007Z_${journal}.profile`)
    t.same(
      generations([...names, '.partial', 'README', `.${names[0]}.partial`]),
      [1, 0, 2].map((index) => ({ name: names[index], takenAt: times[index], journal }))
    )
  }
)

/** What every store does. */
const keeps = async (t: Test, open: (account: string) => Store): Promise<void> => {
  const [store, other] = [open('main'), open('sales')]
  t.same(await store.list(), [])
  const name = nameOf(Date.now(), journal)
  const bytes = randomBytes(300_000)
  const file = join(ownDirectory(t), 'sealed')
  await writeFile(file, bytes)
  await store.put(name, file)
  t.same(await store.list(), [name])
  t.same(await other.list(), [], 'another account has none')
  t.ok((await buffer(await store.get(name))).equals(bytes))
  await store.remove(name)
  await store.remove(name)
  t.same(await store.list(), [])
}

t.test('a directory', async (t) => {
  const root = ownDirectory(t)
  await keeps(t, (account) => directoryStore(root, account))
  t.equal((await stat(join(root, 'main'))).mode & 0o777, 0o700)
  t.same(await readdir(join(root, 'main')), [], 'nothing half-written is left')
  await mkdir(join(root, 'main'), { recursive: true })
  await t.rejects(
    directoryStore(join(root, 'unmounted'), 'main').list(),
    { message: /unmounted of PROFILE_BACKUP is not there: make it, or mount it$/ },
    'a missing mount does not pass for no backups'
  )
})

t.test('a bucket, every request signed', async (t) => {
  const s3 = await startS3(t)
  for (const prefix of ['', 'leadmaster/profiles']) {
    await keeps(t, (account) => s3Store({ ...credentials, endpoint: s3.endpoint, prefix, account }))
  }
  t.ok(
    s3.requests.some(
      ({ method, path }) =>
        method === 'PUT' && path.startsWith('/backups/leadmaster/profiles/main/')
    )
  )
})

t.test('a bucket that refuses, or is not there, says so in plain words', async (t) => {
  const s3 = await startS3(t)
  const open = (change: Partial<Parameters<typeof s3Store>[0]> = {}): Store =>
    s3Store({ ...credentials, endpoint: s3.endpoint, prefix: '', account: 'main', ...change })
  await t.rejects(open({ secretKey: 'another' }).list(), {
    message: 'the store of PROFILE_BACKUP refuses to list: 403 SignatureDoesNotMatch'
  })
  await t.rejects(open({ accessKey: 'another' }).list(), { message: /403 InvalidAccessKeyId$/ })
  await t.rejects(open({ bucket: 'another' }).list(), { message: /404 NoSuchBucket$/ })
  await t.rejects(open().get('missing'), {
    message: 'the store of PROFILE_BACKUP refuses to give a backup: 404 NoSuchKey'
  })
  await t.rejects(open({ endpoint: `http://127.0.0.1:${await freePort()}` }).list(), {
    message: /^the store of PROFILE_BACKUP is unreachable: connect ECONNREFUSED/
  })
  s3.fail = { status: 503, code: 'SlowDown' }
  await t.rejects(open().remove('x'), {
    message: 'the store of PROFILE_BACKUP refuses to delete a backup: 503 SlowDown'
  })
})

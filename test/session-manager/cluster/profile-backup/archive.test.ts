import { mkdir, readFile, stat, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import t, { type Test } from 'tap'
import {
  describe,
  pack,
  unpack,
  type Manifest
} from '../../../../src/session-manager/cluster/profile-backup/archive.ts'
import { ownDirectory } from '../../../platform/own-directory.ts'

/** Files into one stream and back, as a list says that comes first. */

const facts = {
  account: 'main',
  journal: 'j',
  taken_at: 5,
  browser: 'closed',
  marks: { linked_at: 3 }
} as const
const content: Record<string, string> = {
  'Default/IndexedDB/a.leveldb/CURRENT': 'MANIFEST-000001\n',
  'Default/IndexedDB/a.leveldb/000003.log': 'x'.repeat(200_000),
  'Default/Local Storage/leveldb/empty': ''
}

const packed = async (t: Test): Promise<{ manifest: Manifest; bytes: Buffer; from: string }> => {
  const from = ownDirectory(t)
  for (const [path, text] of Object.entries(content)) {
    await mkdir(dirname(join(from, path)), { recursive: true })
    await writeFile(join(from, path), text)
  }
  const manifest = await describe(facts, from, Object.keys(content))
  return { manifest, from, bytes: await buffer(pack(manifest, from)) }
}
const stream = async function* (bytes: Buffer): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += 1_000) yield bytes.subarray(at, at + 1_000)
}
const unpacked = (
  t: Test,
  bytes: Buffer,
  accept: (manifest: Manifest) => void = () => undefined
): Promise<Manifest> => unpack(stream(bytes), ownDirectory(t), accept)
const withManifest = (bytes: Buffer, manifest: Manifest): Buffer => {
  const json = Buffer.from(JSON.stringify(manifest))
  const length = Buffer.alloc(4)
  length.writeUInt32BE(json.length)
  return Buffer.concat([length, json, bytes.subarray(4 + bytes.readUInt32BE())])
}

t.test('every file comes back with its content, readable by nobody else', async (t) => {
  const { manifest, bytes } = await packed(t)
  const to = ownDirectory(t)
  t.same(await unpack(stream(bytes), to, () => undefined), manifest)
  for (const [path, text] of Object.entries(content)) {
    t.equal(await readFile(join(to, path), 'utf8'), text)
    t.equal((await stat(join(to, path))).mode & 0o777, 0o600)
    t.equal((await stat(dirname(join(to, path)))).mode & 0o777, 0o700)
  }
})

t.test('what is not wanted is refused before a file is written', async (t) => {
  const { bytes } = await packed(t)
  await t.rejects(
    unpacked(t, bytes, ({ account }) => {
      throw new Error(`it is of the account ${account}`)
    }),
    { message: 'it is of the account main' }
  )
})

t.test('what is not as the list says is refused', async (t) => {
  const { manifest, bytes } = await packed(t)
  const changed = (change: Partial<Manifest['files'][number]>): Buffer =>
    withManifest(bytes, {
      ...manifest,
      files: [
        { ...(manifest.files[0] as Manifest['files'][number]), ...change },
        ...manifest.files.slice(1)
      ]
    })
  await t.rejects(unpacked(t, bytes.subarray(0, -1)), { message: 'it ends too early' })
  await t.rejects(unpacked(t, Buffer.concat([bytes, Buffer.from('x')])), {
    message: 'it has more in it than its list says'
  })
  await t.rejects(unpacked(t, changed({ sha256: '0'.repeat(64) })), {
    message: 'a file in it is not what its list says'
  })
  for (const path of [
    '../../etc/passwd',
    '/etc/passwd',
    'Default/IndexedDB/../../x',
    'Default/Cookies',
    'Default/IndexedDB'
  ]) {
    await t.rejects(
      unpacked(t, changed({ path })),
      { message: 'it has a file that does not belong there' },
      path
    )
  }
  await t.rejects(unpacked(t, Buffer.alloc(8, 255)), { message: 'its list of files is too long' })
})

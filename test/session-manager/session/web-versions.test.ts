import { readdirSync, readFileSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import {
  isWebVersion,
  keepVersion,
  keptVersions,
  otherThanPinned,
  pageFile,
  pinnedPage
} from '../../../src/session-manager/session/web-versions.ts'
import { ownDirectory } from '../../platform/own-directory.ts'

t.test(
  'the pages of the last three versions that were READY are kept, whole and for nobody else',
  async (t) => {
    const directory = join(ownDirectory(t), 'web-versions')
    t.same(await keptVersions(directory), [], 'none before the first')
    for (const [at, version] of ['2.3000.9', '2.3000.10', '2.3000.11', '2.3000.12'].entries()) {
      await keepVersion(directory, version, `<html>${version}`)
      utimesSync(pageFile(directory, version), at + 1, at + 1)
    }
    t.same(await keptVersions(directory), ['2.3000.12', '2.3000.11', '2.3000.10'])
    await keepVersion(directory, '2.3000.10', '<html>again')
    t.same(
      await keptVersions(directory),
      ['2.3000.10', '2.3000.12', '2.3000.11'],
      'by when it was READY last'
    )
    t.equal(readFileSync(pageFile(directory, '2.3000.10'), 'utf8'), '<html>again')
    t.equal(statSync(pageFile(directory, '2.3000.10')).mode & 0o777, 0o600)
    t.same(
      readdirSync(directory).filter((name) => name.endsWith('.new')),
      []
    )
  }
)

t.test('a version is no path', async (t) => {
  const directory = ownDirectory(t)
  for (const version of [
    '',
    '../x',
    '2.3000',
    '2.3000.1/..',
    '2.3000.1.html',
    `2.3000.${'1'.repeat(40)}`
  ]) {
    t.notOk(isWebVersion(version), version)
    await t.rejects(keepVersion(directory, version, 'x'), /a version that is none/)
  }
  t.same(readdirSync(directory), [])
  t.ok(isWebVersion('2.3000.1031521324') && isWebVersion('2.2412.54-beta'))
})

t.test(
  'the page of a pinned version, or which file is not there and which versions are',
  async (t) => {
    const directory = join(ownDirectory(t), 'web-versions')
    const file = pageFile(directory, '2.3000.1')
    await t.rejects(pinnedPage(directory, '2.3000.1'), {
      message: `WEB_VERSION=2.3000.1: ${file} cannot be used (ENOENT); no version is kept`
    })
    await keepVersion(directory, '2.3000.2', '<html>')
    await t.rejects(pinnedPage(directory, '2.3000.1'), {
      message: `WEB_VERSION=2.3000.1: ${file} cannot be used (ENOENT); kept are 2.3000.2`
    })
    writeFileSync(file, '')
    await t.rejects(pinnedPage(directory, '2.3000.1'), {
      message: /cannot be used \(it is empty\)/
    })
    t.equal(await pinnedPage(directory, '2.3000.2'), '<html>')
  }
)

t.test('what a READY page tells is compared with the pin', async (t) => {
  t.equal(otherThanPinned('', '2.3000.2'), undefined)
  t.equal(otherThanPinned('2.3000.2', '2.3000.2'), undefined)
  t.equal(otherThanPinned('2.3000.2', undefined), undefined, 'not told yet')
  t.equal(
    otherThanPinned('2.3000.1', '2.3000.2'),
    'WhatsApp Web tells version 2.3000.2, though WEB_VERSION=2.3000.1 is pinned'
  )
})

import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { chmod, lstat, mkdir, symlink, writeFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import {
  launchOptions,
  releaseProfile,
  userAgent
} from '../../../src/session-manager/whatsapp/browser.ts'
import { logLines } from '../../platform/log-lines.ts'

/**
 * A program of a test's own in place of Chromium: it only stays, under that command line, in a
 * process group of its own.
 */
const holder = async (t: Test, ...args: string[]): Promise<ChildProcess> => {
  const child = spawn(
    process.execPath,
    ['-e', 'console.log("up"); setInterval(() => undefined, 1000)', '--', ...args],
    { detached: true, stdio: ['ignore', 'pipe', 'ignore'] }
  )
  t.teardown(() => child.kill('SIGKILL'))
  await once(child.stdout as NodeJS.ReadableStream, 'data')
  return child
}
const lockedProfile = async (t: Test, target: string): Promise<string> => {
  const profile = join(t.testdir(), 'profile')
  await mkdir(profile)
  await symlink(target, join(profile, 'SingletonLock'))
  await symlink('1234567890', join(profile, 'SingletonCookie'))
  await symlink('/tmp/nowhere/SingletonSocket', join(profile, 'SingletonSocket'))
  await writeFile(join(profile, 'Local State'), '{}')
  return profile
}
const there = (profile: string, name: string): Promise<boolean> =>
  lstat(join(profile, name)).then(
    () => true,
    () => false
  )
const isReleased = async (t: Test, profile: string): Promise<void> => {
  for (const name of ['SingletonLock', 'SingletonCookie', 'SingletonSocket'])
    t.notOk(await there(profile, name), `${name} is gone`)
  t.ok(await there(profile, 'Local State'), 'the rest of the profile is kept')
}
const alive = (child: ChildProcess): boolean => child.exitCode === null && child.signalCode === null

t.test('a profile without a lock is left as it is', async (t) => {
  const logged = logLines()
  await releaseProfile(t.testdir(), logged.log)
  await releaseProfile(join(t.testdir(), 'not', 'there'), logged.log)
  t.same(logged.lines, [])
})

t.test('a lock whose process is gone is removed', async (t) => {
  const gone = await holder(t)
  gone.kill('SIGKILL')
  await once(gone, 'close')
  const profile = await lockedProfile(t, `${hostname()}-${gone.pid}`)
  const logged = logLines()
  await releaseProfile(profile, logged.log)
  await isReleased(t, profile)
  t.equal(logged.of('profile_released').length, 1)
})

t.test('a lock that names no process, or one of another machine, is removed', async (t) => {
  for (const target of ['nonsense', 'old-host-', 'another-machine-4194304']) {
    const profile = await lockedProfile(t, target)
    await releaseProfile(profile, logLines().log)
    await isReleased(t, profile)
  }
})

t.test('a browser of an earlier run that still holds the profile is ended', async (t) => {
  const logged = logLines()
  const profile = join(t.testdir(), 'profile')
  const leftover = await holder(t, `--user-data-dir=${profile}`)
  await mkdir(profile)
  await symlink(`${hostname()}-${leftover.pid}`, join(profile, 'SingletonLock'))
  const ended = once(leftover, 'close')
  await releaseProfile(profile, logged.log, 100)
  t.same(await ended, [null, 'SIGKILL'])
  t.notOk(await there(profile, 'SingletonLock'))
  t.match(logged.of('leftover_browser'), [{ level: 'warn', pid: leftover.pid }])
})

t.test('a browser that is just ending by itself is waited for, not ended', async (t) => {
  const logged = logLines()
  const profile = join(t.testdir(), 'profile')
  const ending = await holder(t, `--user-data-dir=${profile}`)
  await mkdir(profile)
  await symlink(`${hostname()}-${ending.pid}`, join(profile, 'SingletonLock'))
  const ended = once(ending, 'close')
  const released = releaseProfile(profile, logged.log, 10_000)
  ending.kill('SIGTERM')
  t.same(await ended, [null, 'SIGTERM'])
  await released
  t.equal(logged.of('leftover_browser').length, 0)
  t.notOk(await there(profile, 'SingletonLock'))
})

t.test(
  'a process that merely has the same pid, or a profile with a similar name, is left alone',
  async (t) => {
    for (const arg of [
      '--unrelated',
      '--user-data-dir=PROFILE-of-another',
      '--user-data-dir=PROFILE/below',
      '--text=--user-data-dir=PROFILE'
    ]) {
      const profile = join(t.testdir(), 'profile')
      const other = await holder(t, arg.replace('PROFILE', profile))
      await mkdir(profile)
      await symlink(`${hostname()}-${other.pid}`, join(profile, 'SingletonLock'))
      await releaseProfile(profile, logLines().log, 100)
      t.ok(alive(other), arg)
      t.notOk(await there(profile, 'SingletonLock'), 'its lock is stale')
    }
  }
)

t.test('how Chromium is launched', async (t) => {
  const options = launchOptions('/usr/bin/chromium', '/var/lib/leadmaster/profile')
  t.match(options, {
    executablePath: '/usr/bin/chromium',
    userDataDir: '/var/lib/leadmaster/profile',
    headless: true,
    pipe: true,
    handleSIGTERM: false,
    handleSIGINT: false,
    handleSIGHUP: false
  })
  t.notOk(
    options.args.some((arg) =>
      /no-sandbox|disable-setuid-sandbox|remote-debugging|disable-web-security/.test(arg)
    ),
    'its sandbox stays on and no port is opened'
  )
  t.equal(
    options.env.TMPDIR,
    '/var/lib/leadmaster/tmp',
    'temporary files are in the state directory'
  )
  t.same(
    Object.keys(options.env).sort(),
    ['HOME', 'LANG', 'PATH', 'TMPDIR', 'TZ'],
    'nothing of our environment, which holds tokens'
  )
})

t.test('the user agent is that of a Chromium of this version with a window', async (t) => {
  const program = async (script: string): Promise<string> => {
    const path = join(t.testdir(), 'chromium')
    await writeFile(path, `#!/bin/sh\n${script}\n`)
    await chmod(path, 0o755)
    return path
  }
  const agent = await userAgent(
    await program('echo "Chromium 142.0.7444.59 built on Debian GNU/Linux 12"')
  )
  t.equal(
    agent,
    'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36'
  )
  await t.rejects(userAgent(await program('echo hello')), { message: /printed no version/ })
  await t.rejects(userAgent(await program('exit 127')))
  await t.rejects(userAgent('/nowhere/chromium'), { code: 'ENOENT' })
  process.env['SECRET_FOR_TEST'] = 'seen'
  t.teardown(() => delete process.env['SECRET_FOR_TEST'])
  await t.rejects(
    userAgent(await program('test -z "$SECRET_FOR_TEST" && echo clean')),
    { message: /printed no version/ },
    'it is asked in a clean environment too'
  )
})

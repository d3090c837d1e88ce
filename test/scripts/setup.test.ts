import { spawnSync } from 'node:child_process'
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync
} from 'node:fs'
import { join, resolve } from 'node:path'
import t, { type Test } from 'tap'

/**
 * scripts/setup as root of a user namespace; its apt-get and systemctl only write down what they
 * are asked.
 */

const setup = resolve(import.meta.dirname, '../../scripts/setup')
const programs = [
  'bash',
  'cat',
  'chmod',
  'dirname',
  'find',
  'flock',
  'sha256sum',
  'stat',
  'tr',
  'uname'
]

/** @returns what apt-get and systemctl were asked, in order */
const run = (t: Test, { args, present }: { args: string[]; present: string[] }): string[] => {
  const dir = t.testdir({ bin: {} })
  const bin = join(dir, 'bin')
  const asked = join(dir, 'asked')
  mkdirSync(join(dir, 'clone/scripts'), { recursive: true })
  copyFileSync(setup, join(dir, 'clone/scripts/setup'))
  for (const program of programs) symlinkSync(join('/usr/bin', program), join(bin, program))
  for (const program of ['apt-get', 'systemctl', ...present]) {
    writeFileSync(join(bin, program), `#!/usr/bin/bash\necho "${program} $*" >>"${asked}"\n`)
    chmodSync(join(bin, program), 0o755)
  }
  writeFileSync(asked, '')

  // It ends where npm's lockfile is read, which is not there.
  const command = ['--map-root-user', '/usr/bin/bash', join(dir, 'clone/scripts/setup'), ...args]
  const { stderr } = spawnSync('/usr/bin/unshare', command, {
    env: { PATH: bin },
    encoding: 'utf8'
  })
  t.match(stderr, /package-lock\.json/)
  return readFileSync(asked, 'utf8').trim().split('\n')
}

t.test(
  'setup --test stops the nats-server that Debian starts on every address, right after it is installed',
  async (t) => {
    const asked = run(t, { args: ['--test'], present: [] })
    const [update, install, ...after] = asked
    t.match(update, /^apt-get update/)
    t.match(install, /^apt-get install .*\bnats-server\b/)
    t.notMatch(install, /\bpasswd\b/, 'what is in /usr/sbin is found without it in PATH')
    // a systemctl that is asked to stop something fails where systemd does not run
    const stop = existsSync('/run/systemd/system') ? ['systemctl stop nats-server.service'] : []
    t.same(after, [...stop, 'systemctl disable --quiet nats-server.service'])
  }
)

t.test(
  'a nats-server that was there before is left alone, and without --test none is installed',
  async (t) => {
    const there = run(t, { args: ['--test'], present: ['nats-server'] })
    t.notOk(
      there.some((line) => line.includes('nats-server')),
      there.join('\n')
    )
    const plain = run(t, { args: [], present: [] })
    t.notOk(
      plain.some((line) => line.includes('nats-server')),
      plain.join('\n')
    )
  }
)

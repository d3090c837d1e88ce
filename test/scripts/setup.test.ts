import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync
} from 'node:fs'
import { dirname, join, resolve } from 'node:path'
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
  'chown',
  'cp',
  'dirname',
  'find',
  'flock',
  'mkdir',
  'mktemp',
  'mv',
  'rm',
  'sha256sum',
  'stat',
  'tar',
  'tr',
  'uname'
]

interface Run {
  args: string[]
  /** Programs that are there already, and do nothing. */
  present: string[]
  /** Other programs, as shell. */
  scripts?: Record<string, string>
  /** Prepares the clone. */
  prepare?: (clone: string) => void
}

/** @returns what apt-get and systemctl were asked, in order, and what setup said */
const start = (t: Test, run: Run): { clone: string; asked: string[]; stderr: string } => {
  const dir = t.testdir({ bin: {} })
  const [bin, clone, asked] = [join(dir, 'bin'), join(dir, 'clone'), join(dir, 'asked')]
  mkdirSync(join(clone, 'scripts'), { recursive: true })
  copyFileSync(setup, join(clone, 'scripts/setup'))
  run.prepare?.(clone)
  for (const program of programs) symlinkSync(join('/usr/bin', program), join(bin, program))
  for (const program of [
    'apt-get',
    'systemctl',
    ...run.present,
    ...Object.keys(run.scripts ?? {})
  ]) {
    const more = run.scripts?.[program] ?? ''
    writeFileSync(
      join(bin, program),
      `#!/usr/bin/bash\necho "${program} $*" >>"${asked}"\n${more}\n`
    )
    chmodSync(join(bin, program), 0o755)
  }
  writeFileSync(asked, '')

  const command = ['--map-root-user', '/usr/bin/bash', join(clone, 'scripts/setup'), ...run.args]
  const { stderr } = spawnSync('/usr/bin/unshare', command, {
    env: { PATH: bin },
    encoding: 'utf8'
  })
  return { clone, asked: readFileSync(asked, 'utf8').trim().split('\n'), stderr }
}

/** @returns what apt-get and systemctl were asked, in order */
const run = (t: Test, options: Pick<Run, 'args' | 'present'>): string[] => {
  const { asked, stderr } = start(t, options)
  // It ends where npm's lockfile is read, which is not there.
  t.match(stderr, /package-lock\.json/)
  return asked
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

/** A clone whose npm packages are installed. */
const prepareInstalled = (clone: string): void => {
  const write = (path: string, text: string, mode = 0o644): void => {
    mkdirSync(dirname(join(clone, path)), { recursive: true })
    writeFileSync(join(clone, path), text, { mode })
  }
  const sha256 = (text: string): string => `${createHash('sha256').update(text).digest('hex')}  -\n`
  const runtime = `node_modules/node-linux-${process.arch}`
  write('package-lock.json', '{}\n')
  write('.taprc', '')
  write(`${runtime}/bin/node`, '#!/usr/bin/bash\n', 0o755)
  write('node_modules/.cache/leadmaster/installed', sha256(`{}\n${runtime}\n`))
  write('test/consumer/packages/package-lock.json', '{}\n')
  write('node_modules/.cache/leadmaster/consumer/installed', sha256('{}\n'))
}

t.test(
  'setup --test gets promtool alone, because the package of Debian starts a server on every address',
  async (t) => {
    const scripts = {
      'apt-get': '[[ $1 != download ]] || echo deb >prometheus_2_amd64.deb',
      'dpkg-deb': 'mkdir -p usr/bin && echo promtool >usr/bin/promtool && tar -c ./usr'
    }
    const { clone, asked } = start(t, {
      args: ['--test'],
      present: ['nats-server'],
      scripts,
      prepare: prepareInstalled
    })

    t.equal(
      readFileSync(join(clone, 'node_modules/.cache/leadmaster/promtool'), 'utf8'),
      'promtool\n'
    )
    t.equal(asked.filter((line) => /^apt-get download .*prometheus$/.test(line)).length, 1)
    t.notOk(asked.some((line) => /install.*prometheus/.test(line)))

    const { asked: again } = start(t, {
      args: ['--test'],
      present: ['nats-server', 'promtool'],
      scripts,
      prepare: prepareInstalled
    })
    t.notOk(
      again.some((line) => line.includes('prometheus')),
      'and none where there is one'
    )
  }
)

t.test('setup --test goes on without promtool where the mirrors are away', async (t) => {
  const { clone, asked } = start(t, {
    args: ['--test'],
    present: ['nats-server', 'dpkg-deb'],
    scripts: { 'apt-get': '[[ $1 != download ]]' },
    prepare: prepareInstalled
  })

  t.notOk(existsSync(join(clone, 'node_modules/.cache/leadmaster/promtool')))
  t.equal(asked.filter((line) => line.startsWith('apt-get download')).length, 2, 'tried once more')
  t.match(asked.slice(-2)[0], 'apt-get update', 'after the lists were read again')
})

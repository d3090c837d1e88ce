import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** Jazzer.js, libFuzzer for Node, brought when it is wanted: it is no dependency of ours. */
const version = '4.0.0'

const loads = (node: readonly string[], addon: string): boolean => {
  const [program = '', ...rest] = node
  try {
    execFileSync(
      program,
      [...rest, '-e', 'process.dlopen({ exports: {} }, process.argv[1])', addon],
      { stdio: 'ignore' }
    )
    return true
  } catch {
    return false // for what it says see the caller
  }
}

/**
 * Debian 12 has glibc 2.36, and the addon wants 2.38: that of Debian 13 beside it, which nothing
 * else uses.
 */
const newerLibc = (where: string): string => {
  const root = join(where, 'libc')
  const libraries = join(root, 'usr/lib/x86_64-linux-gnu')
  if (existsSync(join(libraries, 'libstdc++.so.6'))) return libraries
  for (const directory of ['lists/partial', 'cache/archives/partial', 'debs'])
    mkdirSync(join(root, directory), { recursive: true })
  writeFileSync(
    join(root, 'sources.list'),
    'deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://deb.debian.org/debian trixie main\n'
  )
  const settings = [
    `Dir::Etc::sourcelist=${root}/sources.list`,
    'Dir::Etc::sourceparts=-',
    `Dir::State::lists=${root}/lists`,
    `Dir::Cache=${root}/cache`,
    'Acquire::Languages=none',
    'Debug::NoLocking=1'
  ].flatMap((set) => ['-o', set])
  const debs = join(root, 'debs')
  execFileSync('apt-get', [...settings, 'update'], { stdio: ['ignore', 'ignore', 'inherit'] })
  execFileSync('apt-get', [...settings, 'download', 'libc6', 'libstdc++6', 'libgcc-s1'], {
    cwd: debs,
    stdio: ['ignore', 'ignore', 'inherit']
  })
  for (const deb of readdirSync(debs)) execFileSync('dpkg-deb', ['-x', join(debs, deb), root])
  return libraries
}

/**
 * @param where a directory that is kept from run to run @returns the command that starts it, and
 * its version
 */
export const bringJazzer = (where: string): { command: string[]; version: string } => {
  const packages = join(where, 'node_modules/@jazzer.js')
  if (!existsSync(join(packages, 'core'))) {
    mkdirSync(where, { recursive: true })
    writeFileSync(join(where, 'package.json'), JSON.stringify({ private: true }))
    execFileSync(
      'npm',
      [
        'install',
        '--no-audit',
        '--no-fund',
        '--ignore-scripts',
        '--loglevel=error',
        `@jazzer.js/core@${version}`
      ],
      { cwd: where, stdio: ['ignore', 'ignore', 'inherit'] }
    )
  }
  const addon = join(packages, `fuzzer/prebuilds/fuzzer-${process.platform}-${process.arch}.node`)
  const cli = join(packages, 'core/dist/cli.js')
  if (loads([process.execPath], addon)) return { command: [process.execPath, cli], version }
  const libraries = newerLibc(where)
  const node = [
    join(libraries, 'ld-linux-x86-64.so.2'),
    '--library-path',
    libraries,
    process.execPath
  ]
  if (!loads(node, addon))
    throw new Error(`${addon} cannot be loaded here, with Debian 13's libc neither`)
  return { command: [...node, cli], version }
}

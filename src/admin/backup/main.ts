import { mkdir, readdir, readFile, rename, rm, stat } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { span } from '../text.ts'
import { realHost } from '../installation/real-host.ts'
import { readInstallation, type Installation } from '../installation/installation.ts'
import { processEnv, systemdEnv } from '../../platform/env.ts'
import { harmlessError } from '../../platform/harmless.ts'
import { verify, writeManifest, type Manifest } from './manifest.ts'
import {
  backupsAmong,
  nameAt,
  partialOf,
  removeOld,
  removeUnfinished,
  sealedSuffix
} from './names.ts'
import { describeRefusal, Refused } from './refused.ts'
import { sealDirectory } from './sealed.ts'
import { readSettings, settingsFile } from './settings.ts'
import { take } from './take.ts'
import { oneToDisk, toDisk } from './to-disk.ts'

/** `scripts/backup` copies all that LeadMaster has on this machine, while it runs. */

const usage = `usage: scripts/backup [--to DIR] [--keep N]

Backs up, while both services run: the hub's store, the journal, \
media and linked device of every account, and the env
files. It is made aside, looked at once more, and put in place by one rename: \
leadmaster-TIME in DIR, a directory with
manifest.json and SHA256SUMS, for root alone. With BACKUP_KEY it is one encrypted file instead, \
leadmaster-TIME.tar.sealed.
  --to DIR    where to; the default is BACKUP_TO in backup.env
  --keep N    how many are kept there, this one included; \
the default is BACKUP_KEEP in backup.env, or 7
backup.env lies beside the services' env files: in /etc/leadmaster, else in .leadmaster, \
or where LEADMASTER_HOME says.
A store in PostgreSQL is not in it: back that up by pg_dump. scripts/restore puts it back.

Exits 0 when it is made and whole, 1 when it could not be made or lacks the linked device, \
2 when it was called wrongly.
`

/** The prefix by which journald takes a line for an error, sd-daemon(3). */
const urgent = systemdEnv().underJournal ? '<3>' : ''
const say = (text: string): void => void process.stderr.write(`backup: ${text}\n`)
const complain = (text: string): void => void process.stderr.write(`${urgent}backup: ${text}\n`)
const release = resolve(import.meta.dirname, '../../..')
const host = realHost()

interface Options {
  to?: string | undefined
  keep?: string | undefined
}

/** The newest backup that is not encrypted. */
const newestPlain = async (to: string): Promise<string | undefined> => {
  const newest = backupsAmong(await readdir(to)).find(({ sealed }) => !sealed)
  return newest && join(to, newest.name)
}

/**
 * The directory in which a backup is gathered before it is encrypted. It is beside the state and as
 * private, so that nothing is in plain on the disk of the backups.
 */
const privateDirectory = (installation: Installation): string => {
  const stateDir = installation.services
    .map(({ variables }) => variables['STATE_DIR'])
    .find((variable) => variable !== undefined && variable !== '')
  return stateDir === undefined ? installation.directory : dirname(stateDir)
}

const versionOf = async (): Promise<string> =>
  (JSON.parse(await readFile(join(release, 'package.json'), 'utf8')) as { version: string }).version

const sayContent = ({ services }: Manifest): void => {
  for (const { name, holds, lacks } of services) {
    const counts = Object.entries(holds).map(
      ([item, count]) => `${item.replaceAll('_', ' ')} ${count}`
    )
    say(`${name}: ${counts.join(', ') || 'its env file'}`)
    for (const item of lacks) say(`not in it: ${item}`)
  }
}

const whyMissing = (to: string): string =>
  `${to} is not there: make it (install -d -m 700 ${to}), or mount it`

/**
 * Why leadmaster-backup.service does not see a directory. The unit has a /home and a /tmp of its
 * own.
 */
const whyUnseen = (to: string): string => {
  const isBelow = (directory: string): boolean => to === directory || to.startsWith(`${directory}/`)
  const edit = 'systemctl edit leadmaster-backup.service'
  if (['/home', '/root', '/run/user'].some(isBelow)) {
    return (
      `leadmaster-backup.service does not see ${to}: it is closed off from /home, /root and ` +
      '/run/user (ProtectHome=). Take a place below /var/backups, /srv, /mnt or /media, or ' +
      `${edit} with ProtectHome=no and ReadWritePaths=${to} below [Service]. ` +
      'leadmaster-doctor gives the command'
    )
  }
  if (['/tmp', '/var/tmp', '/dev'].some(isBelow))
    return (
      `leadmaster-backup.service does not see ${to}: it has a /tmp, /var/tmp and /dev of its ` +
      'own. Take a place below /var/backups, /srv, /mnt or /media'
    )
  return `${whyMissing(to)}; leadmaster-backup.service must see it, too`
}

/** @throws {Refused} when there is no LeadMaster on this machine */
const findInstallation = async (): Promise<Installation> => {
  const home = processEnv['LEADMASTER_HOME']
  const installation = await readInstallation(host, release, home ? resolve(home) : undefined)
  if (installation !== undefined) return installation
  throw new Refused(
    'there is neither an installation in /etc/leadmaster nor a run of scripts/up in ' +
      '.leadmaster or LEADMASTER_HOME'
  )
}

/** @throws {Refused} when backups cannot go to the directory */
const checkDestination = async (to: string, { directory }: Installation): Promise<void> => {
  if (to === '')
    throw new Refused(`where to? Give --to DIR, or set BACKUP_TO in ${settingsFile(directory)}`)
  // It is not made here: a missing directory may be a disk that is not mounted.
  if (!(await stat(to).catch(() => undefined))?.isDirectory())
    throw new Refused(systemdEnv().underJournal ? whyUnseen(to) : whyMissing(to))
}

interface Filling {
  installation: Installation
  directory: string
  /** A backup whose media may be linked. */
  previous: string | undefined
  /** ms since 1970 */
  madeAt: number
}

/** Fills the directory of a backup, and verifies what is on the disk then. */
const fill = async ({ installation, directory, previous, madeAt }: Filling): Promise<Manifest> => {
  const { services, sums } = await take(installation, { directory, previous })
  const facts = {
    format: 1 as const,
    version: await versionOf(),
    made_at: new Date(madeAt).toISOString(),
    directory: installation.directory,
    installed: installation.mode === 'systemd',
    simulated: installation.simulated,
    services
  }
  await writeManifest(directory, facts, sums)
  await toDisk(directory)
  const { manifest } = await verify(directory, sums)
  return manifest
}

/** @returns the exit code: 1 when a linked device could not be copied */
const sayOutcome = (
  { services }: Manifest,
  made: string,
  ms: number,
  isSealed: boolean
): number => {
  const secrecy = isSealed
    ? ', encrypted with BACKUP_KEY: without that key it is worth nothing'
    : ''
  say(`made ${made} in ${span(ms)}${secrecy}`)
  const isIncomplete = services.some(({ lacks }) =>
    lacks.some((item) => item.startsWith('the linked device'))
  )
  if (!isIncomplete) return 0
  complain(
    'it lacks a linked device that is there: make another one, or stop session-manager first'
  )
  return 1
}

/** @returns the exit code */
const backup = async (options: Options): Promise<number> => {
  const installation = await findInstallation()
  const { BACKUP_TO, BACKUP_KEEP, BACKUP_KEY } = await readSettings(host, installation.directory)
  const to = options.to === undefined ? BACKUP_TO : resolve(options.to)
  await checkDestination(to, installation)
  await removeUnfinished(to)
  const [madeAt, began] = [Date.now(), performance.now()]
  const name = nameAt(madeAt)
  const isSealed = BACKUP_KEY !== ''
  const aside = join(to, partialOf(name))
  const directory = isSealed ? join(privateDirectory(installation), partialOf(name)) : aside
  if (isSealed) await removeUnfinished(dirname(directory))
  try {
    await mkdir(directory, { mode: 0o700 })
    const previous = isSealed ? undefined : await newestPlain(to)
    const manifest = await fill({ installation, directory, previous, madeAt })
    if (isSealed) await sealDirectory(directory, aside, BACKUP_KEY)
    const made = join(to, `${name}${isSealed ? sealedSuffix : ''}`)
    await rename(aside, made)
    await oneToDisk(to)
    sayContent(manifest)
    const old = await removeOld(to, options.keep === undefined ? BACKUP_KEEP : Number(options.keep))
    if (old.length > 0) say(`removed ${old.join(', ')}`)
    return sayOutcome(manifest, made, performance.now() - began, isSealed)
  } finally {
    for (const leftover of new Set([aside, directory]))
      await rm(leftover, { recursive: true, force: true })
  }
}

const run = async (): Promise<number> => {
  process.umask(0o077)
  let options: Options & { help?: boolean | undefined }
  try {
    options = parseArgs({
      options: {
        to: { type: 'string' },
        keep: { type: 'string' },
        help: { type: 'boolean', short: 'h' }
      }
    }).values
    if (options.keep !== undefined && !/^[1-9]\d{0,3}$/.test(options.keep))
      throw new Error('--keep wants a number, 1 or more')
  } catch (error) {
    process.stderr.write(
      `backup: ${error instanceof Error ? error.message : String(error)}\n\n${usage}`
    )
    return 2
  }
  if (options.help === true) {
    process.stdout.write(usage)
    return 0
  }
  try {
    return await backup(options)
  } catch (error) {
    const words = describeRefusal(error)
    complain(`no backup was made: ${words ?? JSON.stringify(harmlessError(error))}`)
    return 1
  }
}
process.exitCode = await run()

import { mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { realHost } from '../../installation/real-host.ts'
import { processEnv } from '../../../platform/env.ts'
import { verify, type Manifest } from '../manifest.ts'
import { backupsAmong, partialOf, sealedSuffix } from '../names.ts'
import { describeRefusal, Refused } from '../refused.ts'
import { unsealInto } from '../sealed.ts'
import { readSettings } from '../settings.ts'
import { oneToDisk, toDisk } from '../to-disk.ts'
import { put } from './put.ts'
import { findTarget, occupied, refuseWhileRunning, type Target } from './target.ts'

/** `scripts/restore` puts a backup of `scripts/backup` back. */

const usage = `usage: scripts/restore FROM [--check] [--replace] [--key-file FILE]

Puts a backup of scripts/backup back: the env files to /etc/leadmaster, \
the state to where they say. Every file is looked
at first, and nothing is touched when one is damaged, when a service runs, \
or when something is there already.
  FROM              leadmaster-TIME, or leadmaster-TIME.tar.sealed
  --check           only looks at every file
  --replace         what is there is kept beside it, as NAME.before-restore-TIME; \
deletions it knows are made again
  --key-file FILE   holds the BACKUP_KEY that it was encrypted with; \
the default is BACKUP_KEY in backup.env
The backup of a run in the foreground goes back to .leadmaster. \
LEADMASTER_HOME names another directory, for either kind:
a backup is tried out by LEADMASTER_HOME=/srv/trial scripts/restore FROM, \
then LEADMASTER_HOME=/srv/trial scripts/up
on a machine where nothing else runs.

Exits 0 when all is in place, 1 when it could not be done, 2 when it was called wrongly.
`

const say = (text: string): void => void process.stderr.write(`restore: ${text}\n`)
const release = resolve(import.meta.dirname, '../../../..')
const host = realHost()
const home = processEnv['LEADMASTER_HOME'] ? resolve(processEnv['LEADMASTER_HOME']) : undefined

interface Options {
  check?: boolean | undefined
  replace?: boolean | undefined
  'key-file'?: string | undefined
  help?: boolean | undefined
}

const keyOf = async (options: Options): Promise<string> => {
  if (options['key-file'] !== undefined)
    return (
      await readFile(options['key-file'], 'utf8').catch(() => {
        throw new Refused(`${options['key-file']} cannot be read`)
      })
    ).trim()
  const { BACKUP_KEY } = await readSettings(host, home ?? '/etc/leadmaster')
  if (BACKUP_KEY === '')
    throw new Refused(
      'it is encrypted: give the BACKUP_KEY that it was made with by --key-file FILE'
    )
  return BACKUP_KEY
}

/** The backup as a directory. @param work where an encrypted backup is unpacked */
const opened = async (from: string, options: Options, work: string): Promise<string> => {
  const stats = await stat(from).catch(() => undefined)
  if (stats === undefined) throw new Refused(`there is no ${from}, or this user may not see it`)
  if (!stats.isDirectory()) {
    if (!from.endsWith(sealedSuffix))
      throw new Refused(
        `${from} is no backup: those are leadmaster-TIME, a directory, or ` +
          `leadmaster-TIME${sealedSuffix}`
      )
    const key = await keyOf(options)
    await mkdir(work, { mode: 0o700 })
    await unsealInto(from, work, key)
    return work
  }
  const [newest] = backupsAmong(await readdir(from))
  if (newest !== undefined)
    throw new Refused(`${from} holds backups: name one, such as ${join(from, newest.name)}`)
  return from
}

const sayWhatNext = ({ services, made_at }: Manifest, { installed, directory }: Target): void => {
  const start = installed
    ? 'systemctl start leadmaster.target, or scripts/up if LeadMaster is not installed yet'
    : `LEADMASTER_HOME=${directory} scripts/up`
  say(`all is in place as it was at ${made_at}`)
  for (const item of services.flatMap(({ lacks }) => lacks)) say(`it never had ${item}`)
  say(
    `next: ${start}. Never run it beside the machine that it is from: two would use one ` +
      'linked device.'
  )
  say(
    'the hub goes on from where its copy stood in the journal. What came after the backup, ' +
      'session-manager reads back from WhatsApp once it is READY, as far as the linked device ' +
      'has it; if something is still missing, unlink it (POST ' +
      '/api/whatsapp/disconnect?logout=true) and scan anew: the phone then sends its recent ' +
      'history. Notes, states and tags of leads that were changed since are lost.'
  )
}

/** The directory that an encrypted backup may be unpacked in. */
const workParentOf = (from: string, { check }: Options): string => {
  if (home !== undefined) return dirname(home)
  return host.uid === 0 && check !== true ? '/var/lib' : dirname(from)
}

const restore = async (from: string, options: Options): Promise<void> => {
  // Other users may not read it: it is beside the destination, or beside the backup.
  const work = join(
    workParentOf(from, options),
    partialOf(basename(from).replace(sealedSuffix, ''))
  )
  try {
    const backup = await opened(from, options, work)
    const { manifest, files } = await verify(backup)
    say(
      `${from} is whole: ${files.length} files, made by LeadMaster ${manifest.version} at ` +
        `${manifest.made_at}`
    )
    if (options.check === true) return
    const target = await findTarget(host, manifest, release, home)
    await refuseWhileRunning(host, target)
    const there = occupied(target)
    if (there.length > 0 && options.replace !== true)
      throw new Refused(
        `${there.join(', ')} ${there.length === 1 ? 'is' : 'are'} there already: with ` +
          '--replace what is there is kept beside it'
      )
    const asideAs = `before-restore-${new Date().toISOString().replaceAll(/[-:]|\.\d+/g, '')}`
    const { kept, erased } = await put({ target, backup, files, asideAs })
    if (!target.installed)
      await writeFile(join(target.directory, 'kind'), manifest.simulated ? 'simulated\n' : 'real\n')
    for (const { stateDir, envFile } of target.places) {
      await toDisk(stateDir)
      await oneToDisk(envFile)
    }
    await oneToDisk(target.directory)
    for (const words of erased) say(words)
    for (const path of kept) say(`what was there is now ${path}`)
    if (kept.length > 0) {
      say(
        'a linked device that was there is kept with it. If WhatsApp does not know the ' +
          'restored one any more, put that back: linking again takes a QR code and, more and ' +
          'more often, the passkey of the account'
      )
    }
    sayWhatNext(manifest, target)
  } finally {
    await rm(work, { recursive: true, force: true })
  }
}

const run = async (): Promise<number> => {
  process.umask(0o077)
  let options: Options
  let from: string
  try {
    const { values, positionals } = parseArgs({
      allowPositionals: true,
      options: {
        check: { type: 'boolean' },
        replace: { type: 'boolean' },
        'key-file': { type: 'string' },
        help: { type: 'boolean', short: 'h' }
      }
    })
    if (values.help === true) {
      process.stdout.write(usage)
      return 0
    }
    const [first] = positionals
    if (first === undefined || positionals.length > 1) throw new Error('which backup? Name one')
    options = values
    from = resolve(first)
  } catch (error) {
    process.stderr.write(
      `restore: ${error instanceof Error ? error.message : String(error)}\n\n${usage}`
    )
    return 2
  }
  try {
    await restore(from, options)
    return 0
  } catch (error) {
    const words = describeRefusal(error)
    if (words === undefined) throw error
    say(`nothing was restored: ${words}`)
    return 1
  }
}
process.exitCode = await run()

import { createReadStream, createWriteStream } from 'node:fs'
import { link, mkdir, rm, stat, writeFile } from 'node:fs/promises'
import { dirname, join, relative } from 'node:path'
import { pipeline } from 'node:stream/promises'
import type { Service, Installation } from '../installation/installation.ts'
import { reasonOf } from '../../platform/harmless.ts'
import { mediaPath } from '../../session-manager/journal/media.ts'
import { copyDevice, hasDevice } from '../../session-manager/cluster/profile-backup/files.ts'
import { copyDatabase, lookIntoHub, lookIntoJournal, type HubCursor } from './databases.ts'
import { sumOf, type Part } from './manifest.ts'
import { Refused } from './refused.ts'

/** Copies the content of a backup into a directory while both services run. */

interface Taking {
  directory: string
  /** An earlier backup. Its media may be linked instead of copied. */
  previous: string | undefined
}

interface Taken {
  services: Part[]
  /** SHA-256 of files, by path, that were computed on the way. */
  sums: Map<string, string>
}

/**
 * Copies a file. The copy belongs to the user of this process: Node's own copyFile gives it to the
 * owner of the original, and root keeps backups to itself.
 */
const copyContent = (from: string, to: string): Promise<void> =>
  pipeline(createReadStream(from), createWriteStream(to, { mode: 0o600, flags: 'wx' }))

const partName = ({ kind, instance }: Pick<Service, 'kind' | 'instance'>): string =>
  instance === undefined ? kind : `${kind}-${instance}`

const isThere = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    (error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT') throw error
      return false
    }
  )

const partOf = (service: Service): Part => {
  const stateDir = service.variables['STATE_DIR']
  if (!stateDir) throw new Refused(`${service.envFile} has no STATE_DIR: what is to be backed up?`)
  return {
    name: partName(service),
    kind: service.kind,
    state_dir: stateDir,
    nats: Boolean(service.variables['NATS_URL']),
    holds: {},
    lacks: []
  }
}

const takeHub = async (
  service: Service,
  directory: string
): Promise<{ part: Part; cursors: HubCursor[] }> => {
  const part = partOf(service)
  if (service.variables['DATABASE_URL']) {
    part.lacks.push(
      "the hub's store, which is in PostgreSQL (DATABASE_URL): back that up by pg_dump"
    )
    return { part, cursors: [] }
  }
  const file = join(part.state_dir, 'hub.db')
  if (!(await isThere(file))) {
    part.lacks.push(`the hub's store: there is no ${file} yet`)
    return { part, cursors: [] }
  }
  await mkdir(join(directory, part.name), { mode: 0o700 })
  const copy = join(directory, part.name, 'hub.db')
  copyDatabase(file, copy)
  const { messages, leads, cursors } = lookIntoHub(copy)
  part.holds = { messages, leads }
  return { part, cursors }
}

/** Links a file from the previous backup, which takes no space, or copies it. */
const placeMedia = async (
  sha256: string,
  from: string,
  to: string,
  previous: string | undefined
): Promise<'kept' | 'missing' | 'damaged'> => {
  const target = mediaPath(to, sha256)
  await mkdir(dirname(target), { recursive: true, mode: 0o700 })
  // a file that cannot be linked is copied
  const linked =
    previous !== undefined &&
    (await link(mediaPath(previous, sha256), target).then(
      () => true,
      () => false
    ))
  if (linked && (await sumOf(target)) === sha256) return 'kept'
  await rm(target, { force: true })
  const source = mediaPath(from, sha256)
  if (!(await isThere(source))) return 'missing'
  await copyContent(source, target)
  if ((await sumOf(target)) === sha256) return 'kept'
  await rm(target)
  return 'damaged'
}

const takeMedia = async (
  part: Part,
  media: readonly string[],
  { directory, previous }: Taking,
  sums: Taken['sums']
): Promise<void> => {
  const [from, to] = [join(part.state_dir, 'media'), join(directory, part.name, 'media')]
  const outcomes = { kept: 0, missing: 0, damaged: 0 }
  for (const sha256 of media) {
    const outcome = await placeMedia(
      sha256,
      from,
      to,
      previous === undefined ? undefined : join(previous, part.name, 'media')
    )
    outcomes[outcome] += 1
    if (outcome === 'kept') sums.set(relative(directory, mediaPath(to, sha256)), sha256)
  }
  part.holds['media'] = outcomes.kept
  if (outcomes.missing > 0)
    part.lacks.push(
      `${outcomes.missing} media files of account ${part.name} that are not in ${from}`
    )
  if (outcomes.damaged > 0)
    part.lacks.push(
      `${outcomes.damaged} media files of account ${part.name} that are damaged in ${from}`
    )
}

const takeManager = async (
  service: Service,
  taking: Taking,
  cursors: readonly HubCursor[],
  sums: Taken['sums']
): Promise<Part> => {
  const part = partOf(service)
  const file = join(part.state_dir, 'journal.db')
  if (!(await isThere(file))) {
    part.lacks.push(`the journal: there is no ${file} yet`)
    return part
  }
  const directory = join(taking.directory, part.name)
  await mkdir(directory, { mode: 0o700 })
  const copy = join(directory, 'journal.db')
  copyDatabase(file, copy)
  const { id, records, lastSeq, media } = lookIntoJournal(copy)
  const ahead = cursors.find(({ journalId, seq }) => journalId === id && seq > lastSeq)
  if (ahead !== undefined)
    throw new Error(`the hub's copy is at record ${ahead.seq}, the journal's ends at ${lastSeq}`)
  part.holds = { records, last_seq: lastSeq }
  // The profile is copied after the journal. What is captured in between is read back again.
  const profile = join(part.state_dir, 'profile')
  if (!(await hasDevice(profile))) part.lacks.push('a linked device: there is none yet')
  else {
    const failed = await copyDevice(profile, join(directory, 'profile'), copyContent).then(
      (files) => void (part.holds['device_files'] = files.length),
      (error: unknown) => error
    )
    if (failed !== undefined) {
      await rm(join(directory, 'profile'), { recursive: true, force: true })
      part.lacks.push(`the linked device, which could not be copied: ${reasonOf(failed)}`)
    }
  }
  // Media come last: a file that the copied journal names was stored before.
  await takeMedia(part, media, taking, sums)
  return part
}

/**
 * Copies the hub's store first, then the journals. A journal only grows, so its copy has every
 * record that the copied store has. In the other order the hub's cursor would be ahead of the
 * journal.
 */
export const take = async (installation: Installation, taking: Taking): Promise<Taken> => {
  const readable = installation.services.filter(({ text }) => text !== undefined)
  if (readable.length === 0)
    throw new Refused(
      `there is no env file in ${installation.directory} that this user may read: run this as ` +
        'root, or name the directory by LEADMASTER_HOME'
    )
  await mkdir(join(taking.directory, 'env'), { mode: 0o700 })
  for (const service of readable)
    await writeFile(join(taking.directory, 'env', `${partName(service)}.env`), service.text ?? '', {
      mode: 0o600
    })
  const services: Part[] = []
  const cursors: HubCursor[] = []
  const sums: Taken['sums'] = new Map()
  for (const service of readable.filter(({ kind }) => kind === 'central-hub')) {
    const hub = await takeHub(service, taking.directory)
    services.push(hub.part)
    cursors.push(...hub.cursors)
  }
  for (const service of readable.filter(({ kind }) => kind === 'session-manager'))
    services.push(await takeManager(service, taking, cursors, sums))
  return { services, sums }
}

import { randomUUID } from 'node:crypto'
import {
  chmodSync,
  chownSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync
} from 'node:fs'
import { dirname, join } from 'node:path'
import { moveCursors, renameJournal } from '../databases.ts'
import { reasonOf } from '../../../platform/harmless.ts'
import { eraseAgain } from './erase-again.ts'
import { makeDirectories, occupied, type Place, type Target } from './target.ts'

/**
 * Puts the content of a backup in place. It is copied beside its destination first. Then one rename
 * puts each directory and file in place.
 */

interface Putting {
  target: Target
  /** A verified backup, and the paths of its files. */
  backup: string
  files: readonly string[]
  /** The suffix of what was there before. */
  asideAs: string
}

const asideOf = (path: string): string => `${path}.restoring`

/** Gives a tree to the services' user alone. */
const handOver = (path: string, owner: Target['owner']): void => {
  for (const entry of readdirSync(path, { withFileTypes: true })) {
    const inner = join(path, entry.name)
    if (entry.isDirectory()) handOver(inner, owner)
    else chmodSync(inner, 0o600)
    if (owner !== undefined && !entry.isDirectory()) chownSync(inner, owner.uid, owner.gid)
  }
  chmodSync(path, 0o700)
  if (owner !== undefined) chownSync(path, owner.uid, owner.gid)
}

/** A path as an env file takes it. */
const quoted = (path: string): string =>
  /^[\w.:/@%+,=-]*$/.test(path) ? path : `"${path.replaceAll(/["\\`$]/g, '\\$&')}"`

/** An env file with another path in a variable. */
const withPath = (text: string, variable: string, path: string): string =>
  text.replaceAll(new RegExp(`^[ \\t]*${variable}=.*$`, 'gm'), () => `${variable}=${quoted(path)}`)

const prepareState = ({ part, stateDir }: Place, { backup, files }: Putting): void => {
  const aside = asideOf(stateDir)
  rmSync(aside, { recursive: true, force: true })
  mkdirSync(aside, { mode: 0o700 })
  for (const path of files.filter((each) => each.startsWith(`${part.name}/`))) {
    const to = join(aside, path.slice(part.name.length + 1))
    mkdirSync(dirname(to), { recursive: true, mode: 0o700 })
    copyFileSync(join(backup, path), to)
  }
}

/**
 * Gives each restored journal another id. Its next records differ from those of the original, and a
 * reader that was ahead in the original, such as a hub on PostgreSQL, notices by the id. The hub
 * that is restored with the journal keeps its position: up to there both journals are the same.
 */
const renameJournals = (places: readonly Place[]): void => {
  const hubs = places.filter(
    ({ part, stateDir }) =>
      part.kind === 'central-hub' && !part.nats && existsSync(join(asideOf(stateDir), 'hub.db'))
  )
  for (const { part, stateDir } of places) {
    const journal = join(asideOf(stateDir), 'journal.db')
    if (part.kind !== 'session-manager' || !existsSync(journal)) continue
    const ids = renameJournal(journal, randomUUID())
    for (const hub of hubs) moveCursors(join(asideOf(hub.stateDir), 'hub.db'), ids)
  }
}

const prepareEnv = ({ part, envFile, stateDir }: Place, { target, backup }: Putting): void => {
  const text = readFileSync(join(backup, 'env', `${part.name}.env`), 'utf8')
  const moved =
    stateDir === part.state_dir
      ? text
      : withPath(withPath(text, 'STATE_DIR', stateDir), 'ENV_FILE', envFile)
  rmSync(asideOf(envFile), { force: true })
  writeFileSync(asideOf(envFile), moved, { mode: 0o600, flag: 'wx' })
  if (target.owner !== undefined) chownSync(asideOf(envFile), 0, target.owner.gid)
  chmodSync(asideOf(envFile), 0o640)
}

/**
 * Repeats the deletions that were made after the backup, as far as the replaced journals know them.
 * @returns what was done, in plain words
 */
const eraseSince = async (places: readonly Place[], backup: string): Promise<string[]> => {
  const hubs = places
    .filter(({ part }) => part.kind === 'central-hub')
    .map(({ stateDir }) => asideOf(stateDir))
  const done: string[] = []
  for (const { part, stateDir } of places.filter(
    ({ part: { kind } }) => kind === 'session-manager'
  )) {
    const env = readFileSync(join(backup, 'env', `${part.name}.env`), 'utf8')
    const stores = hubs.filter((hub) => existsSync(join(hub, 'hub.db')))
    try {
      const said = await eraseAgain({
        journal: join(stateDir, 'journal.db'),
        directory: asideOf(stateDir),
        env,
        hubs: stores
      })
      if (said !== undefined) done.push(said)
    } catch (error) {
      // A damaged journal may be why a backup is restored.
      done.push(
        `what was deleted since the backup is not known (${reasonOf(error)}): delete it again`
      )
    }
  }
  return done
}

/** @returns the new names of what was there, and what was deleted again */
export const put = async (putting: Putting): Promise<{ kept: string[]; erased: string[] }> => {
  const { target, asideAs } = putting
  const isNew = !existsSync(target.directory)
  makeDirectories(target)
  if (isNew && target.installed && target.owner !== undefined) {
    chownSync(target.directory, 0, target.owner.gid)
    chmodSync(target.directory, 0o750)
  }
  for (const place of target.places) prepareState(place, putting)
  renameJournals(target.places)
  const erased = await eraseSince(target.places, putting.backup)
  for (const place of target.places) {
    handOver(asideOf(place.stateDir), target.owner)
    prepareEnv(place, putting)
  }
  const kept = occupied(target).map((path) => {
    renameSync(path, `${path}.${asideAs}`)
    return `${path}.${asideAs}`
  })
  for (const { envFile, stateDir } of target.places) {
    // an empty directory may be there
    rmSync(stateDir, { recursive: true, force: true })
    renameSync(asideOf(stateDir), stateDir)
    renameSync(asideOf(envFile), envFile)
  }
  return { kept, erased }
}

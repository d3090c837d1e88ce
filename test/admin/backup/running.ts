import { spawn } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Test } from 'tap'
import { createIngest } from '../../../src/central-hub/follow/ingest.ts'
import { openStore } from '../../../src/central-hub/store/open.ts'
import { openJournal, type Journal } from '../../../src/session-manager/journal/journal.ts'
import { storeMedia } from '../../../src/session-manager/journal/media.ts'
import { centralHubEnv, freePort, sessionManagerEnv } from '../../end-to-end/daemon.ts'
import { withExactly } from '../../platform/exact-env.ts'
import { ownDirectory } from '../../platform/own-directory.ts'
import { coverageEnv, programOf } from '../../programs.ts'
import { newRecord } from '../../session-manager/journal/new-records.ts'
import { writeLevelDb } from '../../session-manager/cluster/profile-backup/fake-leveldb.ts'

/**
 * `scripts/backup` and `scripts/restore` as an operator runs them, with the built programs, on the
 * state of a run in the foreground.
 */

export interface Ran {
  code: number | null
  stdout: string
  stderr: string
}

const program =
  (name: string) =>
  async (home: string, ...args: string[]): Promise<Ran> => {
    const [command, all] = withExactly(
      {
        PATH: '/usr/bin:/bin',
        LEADMASTER_HOME: home,
        ...coverageEnv
      },
      process.execPath,
      programOf(name),
      ...args
    )
    const child = spawn(command, all, { stdio: ['ignore', 'pipe', 'pipe'] })
    let [stdout, stderr] = ['', '']
    child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text))
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text))
    return new Promise((resolve) =>
      child.once('close', (code) => resolve({ code, stdout, stderr }))
    )
  }
export const backup = program('admin/backup')
export const restore = program('admin/backup/restore')

export interface Home {
  directory: string
  /** Where backups go. */
  to: string
  journal: Journal
  hubPort: number
  /** Captures messages, and has the hub take them. */
  write(count: number): Promise<void>
  /** Keeps a file, and captures that it is there. @returns its sum */
  keepMedia(id: string, content: string): Promise<string>
  /** Both as they are after a stop. */
  close(): Promise<void>
}

const envText = (env: Record<string, string>): string =>
  `${Object.entries(env)
    .map(([name, value]) => `${name}=${value}`)
    .join('\n')}\n`

/** The state of both services, in this process. */
export const makeHome = async (t: Test, hubEnv: Record<string, string> = {}): Promise<Home> => {
  const [directory, to] = [ownDirectory(t), ownDirectory(t)]
  const [port, hubPort] = [await freePort(), await freePort()]
  const stateDir = (service: string): string => join(directory, 'real', service)
  writeFileSync(
    join(directory, 'session-manager.env'),
    envText(
      sessionManagerEnv({ port, stateDir: stateDir('session-manager'), chromiumPath: '/bin/false' })
    )
  )
  writeFileSync(
    join(directory, 'central-hub.env'),
    envText({
      ...centralHubEnv({
        port: hubPort,
        stateDir: stateDir('central-hub'),
        sessionManager: `http://127.0.0.1:${port}`
      }),
      ...hubEnv
    })
  )
  mkdirSync(stateDir('session-manager'), { recursive: true })
  await writeLevelDb(
    join(
      stateDir('session-manager'),
      'profile/Default/IndexedDB/https_web.whatsapp.com_0.indexeddb.leveldb'
    )
  )
  const journal = openJournal(join(stateDir('session-manager'), 'journal.db'), 'main')
  const store = await openStore(stateDir('central-hub'))
  const ingest = createIngest({ db: store.db, onTaken: () => undefined })
  let next = 0
  let open = true
  const close = async (): Promise<void> => {
    if (!open) return
    open = false
    journal.checkpoint()
    journal.close()
    await store.close()
  }
  t.teardown(close)
  return {
    directory,
    to,
    journal,
    hubPort,
    close,
    write: async (count) => {
      const newRecords = Array.from({ length: count }, () => newRecord(`M${(next += 1)}`))
      await ingest.take('main', journal.id, journal.append(newRecords, 'live'))
    },
    keepMedia: async (id, content) => {
      const sha256 = await storeMedia(
        join(stateDir('session-manager'), 'media'),
        Buffer.from(content)
      )
      journal.append([newRecord(id, { media: { state: 'stored', sha256 } }, 'media')], 'live')
      return sha256
    }
  }
}

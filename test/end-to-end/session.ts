import { join } from 'node:path'
import type { Test } from 'tap'
import type { InboundPage, InboundRecord, JournalRecord } from '../../src/contract/record.ts'
import type { Qr, Status } from '../../src/contract/session.ts'
import { openSse } from '../platform/http/sse-client.ts'
import { browserDirectory } from '../whatsapp-web/directory.ts'
import { startWhatsAppWeb, type Scenario, type WhatsAppWeb } from '../whatsapp-web/server.ts'
import {
  ask,
  freePort,
  sessionManagerEnv,
  startDaemon,
  token,
  type Daemon,
  type Line
} from './daemon.ts'

/** The real session-manager in the real Chromium on the simulated WhatsApp Web. */
export interface Session {
  web: WhatsAppWeb
  stateDir: string
  daemon: Daemon
  /** Starts session-manager, again or for the first time, on the same state. */
  start(env?: Record<string, string>): Promise<Daemon>
  /** Resolves once READY was logged (again: since `after` lines). */
  ready(after?: number): Promise<Line>
  /** The first line from now on of that event that fits. */
  next(event: string, fits?: (line: Line) => boolean, ms?: number): Promise<Line>
  status(): Promise<Status>
  qr(): Promise<Qr>
  post(path: string): Promise<unknown>
  /** What was captured and not erased. */
  records(): Promise<InboundRecord[]>
  /** The first record that fits, past or to come. */
  record(fits: (record: InboundRecord) => boolean): Promise<InboundRecord>
}

/** WhatsApp Web gives up on a ciphertext after 15 s. */
const recordMs = 25_000

const fitting = (
  record: InboundRecord | undefined,
  fits: (record: InboundRecord) => boolean
): boolean => record !== undefined && fits(record)

export interface SessionOptions {
  env?: Record<string, string>
  scenario?: Partial<Scenario>
  /** A device is linked and READY when the test begins. */
  linked?: boolean
}

/** Runs a test on a session of its own, and asserts that nothing was sent in it. */
export const withSession = async (
  t: Test,
  options: SessionOptions,
  body: (session: Session) => Promise<void>
): Promise<void> => {
  const session = await startSession(t, options)
  await body(session)
  await session.daemon.end()
  // WhatsApp Web says by itself that nobody is there.
  const sent = session.web.outbound().filter(({ name }) => name !== 'presence unavailable')
  t.same(sent, [], 'nothing was sent, marked as seen or shown as presence')
}

const startSession = async (t: Test, options: SessionOptions): Promise<Session> => {
  const { path: directory, remove } = browserDirectory()
  const web = await startWhatsAppWeb({
    directory: join(directory, 'whatsapp'),
    scenario: options.scenario ?? {}
  })
  const stateDir = join(directory, 'state')
  const port = await freePort()
  const env = {
    ...sessionManagerEnv({ port, stateDir, chromiumPath: web.chromiumPath }),
    ...options.env
  }
  const session: Session = {
    web,
    stateDir,
    daemon: undefined as unknown as Daemon,
    start: async (more = {}) => {
      session.daemon = startDaemon('session-manager', { ...env, ...more })
      await session.daemon.seen('listening')
      return session.daemon
    },
    ready: (after = 0) =>
      session.daemon.seen(
        'session',
        (line) => line['status'] === 'READY' && session.daemon.lines.indexOf(line) >= after,
        60_000
      ),
    next: (event, fits = () => true, ms = 30_000) => {
      const { daemon } = session
      const from = daemon.lines.length
      return daemon.seen(event, (line) => daemon.lines.indexOf(line) >= from && fits(line), ms)
    },
    status: async () => (await ask<Status>(`${session.daemon.url}/status`, token)).body,
    qr: async () => (await ask<Qr>(`${session.daemon.url}/qr`, token)).body,
    post: async (path) =>
      (await ask(`${session.daemon.url}${path}`, token, { method: 'POST' })).body,
    records: async () =>
      (
        await ask<InboundPage>(`${session.daemon.url}/inbound?limit=1000`, token)
      ).body.records.filter((record) => record.kind !== 'erased'),
    record: async (fits) => {
      const stream = await openSse(`${session.daemon.url}/inbound/stream?after=0`, {
        authorization: `Bearer ${token}`
      })
      const of = (event: {
        event?: string | undefined
        data: string
      }): InboundRecord | undefined => {
        const record =
          event.event === 'record' ? (JSON.parse(event.data) as JournalRecord) : undefined
        return record?.kind === 'erased' ? undefined : record
      }
      const late = setTimeout(stream.close, recordMs)
      try {
        return of(await stream.until((event) => fitting(of(event), fits))) as InboundRecord
      } catch {
        const seen = (await session.records()).slice(-5).map((record) => JSON.stringify(record))
        throw new Error(`no such record within ${recordMs} ms; the last are:\n${seen.join('\n')}`)
      } finally {
        clearTimeout(late)
        stream.close()
      }
    }
  }
  t.teardown(async () => {
    await session.daemon?.end()
    await web.close()
    remove()
  })
  await session.start()
  if (options.linked) {
    await web.scan()
    await session.ready()
    // what happens from now on is captured as it happens, not read back
    await session.daemon.seen('backfill')
  }
  return session
}

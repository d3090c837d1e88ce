import { join } from 'node:path'
import type { Test } from 'tap'
import type { Status } from '../../../src/contract/session.ts'
import { bearerCheck } from '../../../src/platform/http/auth.ts'
import { createHttp } from '../../../src/platform/http/http.ts'
import { createMetrics } from '../../../src/platform/metrics.ts'
import { ProblemError } from '../../../src/platform/http/problem.ts'
import { openJournal, type Journal } from '../../../src/session-manager/journal/journal.ts'
import { Eraser } from '../../../src/session-manager/journal/eraser.ts'
import { PasskeyDesk } from '../../../src/session-manager/session/passkey.ts'
import type { Listener } from '../../../src/session-manager/whatsapp/listener.ts'
import type { PasskeyActions } from '../../../src/session-manager/whatsapp/passkey.ts'
import { addRoutes } from '../../../src/session-manager/http/routes.ts'
import { addMediaRoute } from '../../../src/session-manager/http/serve-media.ts'
import { initialSession, type Session } from '../../../src/session-manager/session/session.ts'
import { remapSome } from '../../../src/session-manager/journal/remap.ts'
import { remap } from '../../../src/session-manager/whatsapp/remap.ts'
import { token } from '../../end-to-end/daemon.ts'
import { logLines } from '../../platform/log-lines.ts'
import { ownDirectory } from '../../platform/own-directory.ts'

/**
 * session-manager without WhatsApp: its real routes over a real journal, and a session that the
 * test sets.
 */
export interface FakeSessionManager {
  url: string
  port: number
  journal: Journal
  /** Where the media are kept. */
  mediaDirectory: string
  /** Changes the session, and notifies its followers. A reason belongs to one status. */
  set(facts: Partial<Session>): void
  /**
   * What was asked of the session: `connect`, `disconnect`, `logout`, `pairing-code +52…`, `passkey
   * answer`.
   */
  asked: string[]
  /** Ends every connection and frees the port; the journal stays. */
  close(): Promise<void>
}

/** @param options.directory where the journal is, to go on with that of an earlier one */
export const fakeSessionManager = async (
  t: Test,
  options: { port?: number; directory?: string; account?: string } = {}
): Promise<FakeSessionManager> => {
  const account = options.account ?? 'main'
  const directory = options.directory ?? ownDirectory(t)
  const mediaDirectory = join(directory, 'media')
  const journal = openJournal(join(directory, 'journal.db'), account)
  const watchers = new Set<() => void>()
  const asked: string[] = []
  let session = initialSession(Date.now())
  const set = (facts: Partial<Session>): void => {
    const { reason: _reason, ...others } = session
    session = facts.status === undefined ? { ...session, ...facts } : { ...others, ...facts }
    for (const changed of watchers) changed()
  }
  const notePasskey = (order: string) => async (): Promise<void> =>
    void asked.push(`passkey ${order}`)
  const passkey: PasskeyActions = {
    answer: notePasskey('answer'),
    confirm: notePasskey('confirm'),
    restart: notePasskey('restart'),
    cancel: notePasskey('cancel')
  }
  const journalStatus = (): Status['journal'] => {
    const [facts, erasures] = [
      { id: journal.id, last_seq: journal.lastSeq() },
      journal.latestErasure()
    ]
    return erasures === undefined ? facts : { ...facts, erasures }
  }
  const status = (): Status => ({
    status: session.status,
    since: new Date(session.since).toISOString(),
    account,
    linked: session.status === 'READY',
    failures: session.failures,
    ...(session.off ? { off: true } : {}),
    ...(session.reason === undefined ? {} : { reason: session.reason }),
    ...(session.limited === undefined ? {} : { limited: session.limited }),
    outbound_blocked: 0,
    journal: journalStatus(),
    media: { pending: 0 },
    backfill: { running: false }
  })
  const http = createHttp({
    log: logLines().log,
    metrics: createMetrics(),
    authorize: (req) => {
      if (req.path !== '/health' && !bearerCheck(token)(req))
        throw new ProblemError('unauthorized', 'send Authorization: Bearer')
    }
  })
  const eraser = new Eraser({
    journal,
    directory: mediaDirectory,
    onErased: () => set({}),
    log: logLines().log
  })
  addRoutes({
    http,
    journal,
    status,
    health: () => ({
      status: 'ok',
      service: 'session-manager',
      timestamp: new Date().toISOString(),
      version: '1.2.3',
      account,
      pid: process.pid,
      uptime_s: 1.5
    }),
    session: () => session,
    connect: () => {
      asked.push('connect')
      set({ running: true, status: 'INIT', off: false })
    },
    disconnect: async (logout) => {
      asked.push(logout ? 'logout' : 'disconnect')
      set({ running: false, status: 'DISCONNECTED', off: true })
      return logout
    },
    remap: (after, isTrial) =>
      remapSome({
        journal,
        remap: (one, raw) => remap(one, raw, { maxBytes: 1_000_000, types: ['*/*'] }),
        version: 2,
        after,
        isTrial
      }),
    passkey: new PasskeyDesk(
      () => session,
      () => ({ passkey }) as unknown as Listener
    ),
    pairingCode: async (phone) => {
      asked.push(`pairing-code ${phone}`)
      return {
        code: 'ABCD-EFGH',
        generatedAt: Date.UTC(2026, 0, 1),
        expiresAt: Date.UTC(2026, 0, 1, 0, 3)
      }
    },
    pageReport: async () => {
      if (session.status === 'DISCONNECTED') throw new Error('no page is open')
      return {
        whatsapp_web: '2.3000.1',
        chromium: 142,
        checks: [],
        modules: {},
        messages: { chat: { body: 'string' } }
      }
    },
    erase: (...of) => eraser.erase(...of),
    onStatus: (changed) => {
      watchers.add(changed)
      return () => watchers.delete(changed)
    },
    metrics: async () => ''
  })
  addMediaRoute({ http, directory: mediaDirectory })
  const { port } = await http.listen('127.0.0.1', options.port ?? 0)
  let open = true
  const close = async (): Promise<void> => {
    if (!open) return
    open = false
    await http.close(100)
    journal.close()
  }
  t.teardown(close)
  return { url: `http://127.0.0.1:${port}`, port, journal, mediaDirectory, set, asked, close }
}

import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { Daemon } from '../end-to-end/daemon.ts'
import { startWhatsAppWeb, type WhatsAppWeb } from '../whatsapp-web/server.ts'
import { startPeer, startSessionManager, type Peer } from './daemons.ts'
import type { Bench } from './row.ts'

/** The simulated WhatsApp Web in the real Chromium, with LeadMaster or a peer on it. */

let pages = 0

/**
 * @param fill puts in what is there before a device is linked
 * @param chromium another than the one that session-manager has by default
 */
export const startPage = async (
  bench: Bench,
  fill: (web: WhatsAppWeb) => void = () => undefined,
  chromium?: string
): Promise<WhatsAppWeb> => {
  // slowly, for whatsapp-web.js misses a sync that is over before it listens
  const web = await startWhatsAppWeb({
    directory: join(bench.directory, `whatsapp-${(pages += 1)}`),
    scenario: { syncStepMs: 400 },
    ...(chromium === undefined ? {} : { chromium })
  })
  bench.onEnd(() => web.close())
  fill(web)
  return web
}

/** session-manager, linked and READY, with nothing left to read back. */
export const startLinked = async (
  bench: Bench,
  web: WhatsAppWeb
): Promise<{ daemon: Daemon; stateDir: string }> => {
  const stateDir = join(bench.directory, `session-manager-${pages}`)
  // the line that ends reading back is at debug
  const daemon = await startSessionManager(bench, {
    stateDir,
    chromiumPath: web.chromiumPath,
    env: { LOG_LEVEL: 'debug' }
  })
  await web.scan()
  await daemon.seen('session', (line) => line['status'] === 'READY', 60_000)
  await daemon.seen('backfill', undefined, 300_000)
  return { daemon, stateDir }
}

/** Asks a peer; what it answers with, as JSON. */
export const askPeer = async <T>({ url }: Peer, path = '/'): Promise<T> =>
  (await (await fetch(url + path)).json()) as T

/** A program on whatsapp-web.js, linked and ready. */
export const startLinkedPeer = async (
  bench: Bench,
  web: WhatsAppWeb,
  program: string,
  config: Record<string, unknown> = {}
): Promise<Peer> => {
  const peer = await startPeer(bench, program, {
    chromiumPath: web.chromiumPath,
    profile: join(bench.directory, `profile-${pages}`),
    ...config
  })
  await web.scan()
  for (
    const end = Date.now() + 60_000;
    !(await askPeer<{ ready: boolean }>(peer)).ready;
    await delay(50)
  )
    if (Date.now() > end) throw new Error(`${program} is not ready after a minute`)
  return peer
}

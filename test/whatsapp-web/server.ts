import { EventEmitter, once } from 'node:events'
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import type { IncomingMessage } from 'node:http'
import { createServer } from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
import { basename, join } from 'node:path'
import { WebSocketServer } from 'ws'
import type {
  Attempt,
  MediaFault,
  Outbound,
  Scenario,
  WhatsAppWeb,
  WhatsAppWebOptions
} from './api.ts'
import { chromiumProcesses, makeCertificate, writeHostRules, writeWrapper } from './chromium.ts'
import { createConnectionLog, type Connection } from './connections.ts'
import { createHistory, newState, type State } from './history.ts'
import { buildPage, buildScript } from './build.ts'
import { createLink, mediaAuth, type Link } from './link.ts'
import { newTestPasskey } from './passkey.ts'
import { createPhone } from './phone.ts'
import { kindOf, summarize, type SentStanza } from './stanza.ts'

/**
 * A stand-in for https://web.whatsapp.com: serves the page, and is "the phone and WhatsApp's
 * servers" to it. Nothing in LeadMaster knows of it: CHROMIUM_PATH names a wrapper in which that
 * name leads here.
 */

export { eras } from './api.ts'
export type {
  Attempt,
  Era,
  MediaFault,
  Outbound,
  Refresh,
  Scenario,
  WhatsAppWeb,
  WhatsAppWebOptions
} from './api.ts'

const usual: Scenario = {
  firstQrMs: 60_000,
  qrMs: 20_000,
  qrCodes: 6,
  sync: 'normal',
  syncStepMs: 150,
  loadMs: 0,
  mostHeld: 0,
  reconnectMs: 200,
  version: '2.3000.1043220887',
  missing: [],
  missingMs: 0,
  deprecated: false,
  versionMs: 0,
  stalled: false,
  own: '',
  web: '2026-07',
  missingInside: false,
  renamed: {},
  votes: 'addon',
  passkey: false,
  busybody: false,
  revokeKeepsKey: false
}

const pageDirectory = new URL('page/', import.meta.url)
const csp =
  "default-src 'self' data: blob:; style-src 'unsafe-inline'; script-src 'self' 'unsafe-eval'"

export const startWhatsAppWeb = async ({
  directory,
  address = '127.0.0.1',
  scenario: wanted = {},
  retryForever = false,
  chromium = '/usr/lib/chromium/chromium-headless-shell',
  log = () => undefined
}: WhatsAppWebOptions): Promise<WhatsAppWeb> => {
  const media = join(directory, 'media')
  mkdirSync(media, { recursive: true })
  const stateFile = join(directory, 'phone.json')
  const history = createHistory(retryForever ? readState(stateFile) : newState())
  const scenario: Scenario = { ...usual, ...wanted }
  const phone = createPhone(
    history,
    (path, sealed) => sealed && writeFileSync(join(media, basename(path)), sealed),
    scenario
  )
  const outbound: Outbound[] = []
  const passkey = newTestPasskey()
  const passkeyFaults: string[] = []
  const attempts: Attempt[] = []
  const mediaFaults = new Map<string, MediaFault>()
  let mediaServersRun = true
  let spin: string | null = null
  const stanzas: SentStanza[] = []
  const stanzaCounts: Record<string, number> = {}
  const links = new Map<Link, Connection>()
  const connections = createConnectionLog()
  const sockets = new Set<Socket>()
  const news = new EventEmitter().setMaxListeners(0)
  let closed = false
  const changed = (): void => void news.emit('changed')
  history.news.on('changed', changed)

  /** What the page is told once. */
  const takeSpin = (): string | null => {
    const action = spin
    spin = null
    return action
  }
  const pathOf = (id: string): string => history.need(id)['directPath'] as string
  /** The phone has what was not `lost`, unless a fault says otherwise; it takes its time. */
  const reuploadMedia = async (id: string): Promise<boolean> => {
    const fault = mediaFaults.get(pathOf(id))
    if (fault === undefined) return existsSync(join(media, basename(pathOf(id))))
    if (fault.reuploadMs === undefined) return false
    await new Promise((resolve) => setTimeout(resolve, fault.reuploadMs))
    mediaFaults.delete(pathOf(id))
    return true
  }
  const recordOutbound = (name: string, detail: string): void => {
    outbound.push({ name, detail, at: new Date().toISOString() })
    log(`outbound: ${name} ${detail}`)
  }
  const recordStanza = (stanza: SentStanza): void => {
    stanzas.push(stanza)
    if (stanzas.length > 20_000) stanzas.splice(0, 10_000)
    const kind = kindOf(stanza)
    stanzaCounts[kind] = (stanzaCounts[kind] ?? 0) + 1
  }
  /** Since July 2026 WhatsApp answers a browser that says it is headless with another page. */
  const pageFor = async (req: IncomingMessage): Promise<string> => {
    const {
      web,
      version,
      missing,
      missingMs,
      missingInside,
      deprecated,
      versionMs,
      reconnectMs,
      mostHeld,
      votes,
      busybody
    } = scenario
    const isHeadless = req.headers['user-agent']?.includes('HeadlessChrome') === true
    if (web !== '2026-04' && isHeadless)
      return readFile(new URL('unsupported.html', pageDirectory), 'utf8')
    return buildPage({
      web,
      version,
      missing,
      missingMs,
      missingInside,
      deprecated,
      versionMs,
      reconnectMs,
      mostHeld,
      votes,
      busybody
    })
  }

  const { key, cert, spki } = await makeCertificate(directory)
  const server = createServer({ key, cert }, async (req, res) => {
    const { pathname, searchParams } = new URL(req.url ?? '/', 'https://web.whatsapp.com')
    const respond = (status: number, type: string, body: string | Buffer = ''): void =>
      void res
        .writeHead(status, {
          'content-type': type,
          'cache-control': 'no-store',
          'content-security-policy': csp
        })
        .end(body)
    try {
      if (pathname === '/') return respond(200, 'text/html', await pageFor(req))
      if (/^\/[a-z]+\.js$/.test(pathname))
        return respond(200, 'text/javascript', buildScript(pathname.slice(1), scenario))
      if (pathname === '/media/upload') {
        recordOutbound(searchParams.get('sim') ?? 'upload', '')
        return respond(200, 'application/json', '{}')
      }
      if (pathname === '/spin')
        return respond(200, 'application/json', JSON.stringify({ action: takeSpin() }))
      if (pathname.startsWith('/media/') && !mediaServersRun) return void req.socket.destroy()
      const mediaStatus = mediaFaults.get(pathname)?.status
      if (mediaStatus !== undefined) return respond(mediaStatus, 'text/plain')
      if (pathname.startsWith('/media/') && searchParams.get('auth') !== mediaAuth)
        return respond(401, 'text/plain')
      if (pathname.startsWith('/media/'))
        return respond(
          200,
          'application/octet-stream',
          await readFile(join(media, basename(pathname)))
        )
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    }
    respond(404, 'text/plain')
  })
  server.on('connection', (socket: Socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket)).on('error', () => undefined)
  })
  new WebSocketServer({ server, path: '/ws/chat' }).on('connection', (socket, req) => {
    const connection = connections.opened(socket, req.socket.remoteAddress ?? '')
    const link = createLink({
      socket,
      history,
      scenario,
      changed,
      passkey,
      passkeyFault: (fault) => void passkeyFaults.push(fault),
      resend: phone.resent,
      reupload: reuploadMedia,
      attempted: (attempt) => {
        attempts.push(attempt)
        changed()
      },
      outbound: recordOutbound,
      left: (stanza) => recordStanza(summarize(stanza)),
      connected: (mine) => {
        connection.enteredAt = Date.now()
        // a device has one connection: the newest
        for (const [other, its] of links) {
          if (other === mine || other.device !== mine.device) continue
          its.displaced = true
          other.end()
        }
      }
    })
    links.set(link, connection)
    socket.on('close', () => {
      links.delete(link)
      link.end()
      changed()
    })
  })
  const listen = async (port: number): Promise<number> => {
    server.listen(port, address)
    await once(server, 'listening')
    return (server.address() as AddressInfo).port
  }
  // a Chromium that runs goes on after a restart, if that port is still to be had
  const portFile = join(directory, 'port')
  const before = retryForever && existsSync(portFile) ? Number(readFileSync(portFile, 'utf8')) : 0
  const port = await listen(before).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'EADDRINUSE') return listen(0)
    throw error
  })
  if (retryForever) writeFileSync(portFile, String(port))
  const chromiumPath = await writeWrapper(directory, port, spki, { address, program: chromium })

  /** What `read` finds, now or as soon as something changed so that it does. */
  const when = async <T>(what: string, read: () => T | undefined | false): Promise<T> => {
    const late = AbortSignal.timeout(60_000)
    for (;;) {
      const found = read()
      if (found !== undefined && found !== false) return found
      if (closed) throw new Error('the simulated WhatsApp is closed')
      await once(news, 'changed', { signal: late }).catch(() => {
        throw new Error(`the simulated WhatsApp waited 60 s in vain for ${what}`)
      })
    }
  }
  const all = (): Link[] => [...links.keys()]
  const online = (): Link | undefined =>
    all().findLast(
      ({ device }) => device !== undefined && history.state.devices.some(({ id }) => id === device)
    )
  const tell = (frame: Record<string, unknown>): void => {
    for (const link of links.keys()) link.send(frame)
  }
  const hangUp = async (): Promise<void> => {
    const stopped = server.listening ? once(server, 'close') : undefined
    if (server.listening) server.close()
    for (const socket of sockets) socket.destroy()
    await stopped
  }

  let saving = false
  const save = (): void => {
    if (!retryForever || saving) return
    saving = true
    setTimeout(() => {
      saving = false
      if (!closed) writeFileSync(stateFile, JSON.stringify(history.state))
    }, 100)
  }
  history.news.on('changed', save)

  return {
    chromiumPath,
    port,
    phone,
    scenario,
    passkey,
    passkeyFaults: () => [...passkeyFaults],
    verificationCode: () => all().findLast((one) => one.passkey?.code !== undefined)?.passkey?.code,
    scanWithPasskey: async () => {
      const link = await when('a QR to scan', () => all().findLast((one) => one.code !== undefined))
      scenario.passkey = true
      link.scan()
    },
    checkpoint: (pressed = false) => online()?.checkpoint(pressed),
    outbound: () => [...outbound],
    stanzas: () => [...stanzas],
    stanzaCounts: () => ({ ...stanzaCounts }),
    connections: connections.all,
    scan: async (code) => {
      const link = await when('a QR to scan', () => all().findLast((one) => one.code !== undefined))
      const bare = code?.split('#').at(-1)
      if (bare !== undefined && bare !== link.code)
        throw new Error('code: that is not the code shown now')
      link.scan()
      if (!scenario.passkey) await when('the page that scanned to connect', online)
    },
    enterPairingCode: async (code) => {
      const link = all().find(
        ({ pairing }) =>
          pairing !== undefined && pairing.code === code.replace('-', '').toUpperCase()
      )
      if (link === undefined) throw new Error('code: that is not a code that is valid now')
      link.scan()
      await when('the page that was linked by a code to connect', online)
    },
    pairingCode: () => all().findLast(({ pairing }) => pairing !== undefined)?.pairing,
    qr: (not) =>
      when('a QR', () => all().findLast(({ code }) => code !== undefined && code !== not)?.code),
    until: async (what, isSo) => void (await when(what, () => isSo() || undefined)),
    connected: async () => void (await when('a linked page to connect', online)),
    synced: async () => void (await when('a linked page to sync', () => online()?.synced)),
    disconnected: async () => void (await when('every page to disconnect', () => links.size === 0)),
    settled: async () =>
      void (await when('a page to take in all that happened', () => {
        const device = online()?.device
        return device !== undefined && history.waiting(device).length === 0
      })),
    shownQr: () => all().findLast(({ code }) => code !== undefined)?.code,
    storedVotes: () => online()?.storedVotes ?? 0,
    linkedDevices: () => history.state.devices.length,
    isConnected: () => online() !== undefined,
    logout: (reason) => {
      history.unlink()
      for (const link of links.keys())
        if (link.device !== undefined)
          link.send({ t: 'logout', ...(reason === undefined ? {} : { reason }) })
    },
    state: (state) => tell({ t: 'state', state }),
    rotate: () => all().at(-1)?.rotate(),
    syncedAgain: () => tell({ t: 'synced-again' }),
    stall: (on, until = 'off') => {
      scenario.stalled = on && until === 'off'
      tell({ t: 'stall', until: on ? until : null })
    },
    throwInPage: (message) => tell({ t: 'throw', message }),
    refresh: (how) => {
      spin = how
      tell({ t: how === 'thirty-days' ? how : 'spin' })
    },
    attempts: () => [...attempts],
    mediaServers: (on) => {
      mediaServersRun = on
    },
    mediaFault: (id, fault) =>
      void (fault === undefined
        ? mediaFaults.delete(pathOf(id))
        : mediaFaults.set(pathOf(id), fault)),
    hangPage: () => tell({ t: 'hang' }),
    crashPage: async () => {
      const pids = await chromiumProcesses(port, 'renderer')
      for (const pid of pids) process.kill(pid, 'SIGKILL')
      return pids.length
    },
    chromium: (type) => chromiumProcesses(port, type),
    network: async (on) => {
      if (on && !server.listening) await listen(port)
      else if (!on) await hangUp()
    },
    dns: (resolves) => writeHostRules(directory, port, resolves, address),
    close: async () => {
      if (retryForever) writeFileSync(stateFile, JSON.stringify(history.state))
      closed = true
      changed()
      for (const link of links.keys()) link.end()
      await hangUp()
      if (!retryForever) rmSync(media, { recursive: true, force: true })
    }
  }
}

const readState = (file: string): State => {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as State
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return newState()
    throw error
  }
}

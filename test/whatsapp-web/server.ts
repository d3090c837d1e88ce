import { EventEmitter, once } from 'node:events'
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
import { basename, join } from 'node:path'
import { WebSocketServer } from 'ws'
import { chromiumProcesses, makeCertificate, writeHostRules, writeWrapper } from './chromium.ts'
import { createHistory, newState, type State } from './history.ts'
import { createLink, type Link } from './link.ts'
import { createPhone, type Phone } from './phone.ts'

/**
 * A stand-in for https://web.whatsapp.com: serves the page, and is "the phone and WhatsApp's servers" to it. Nothing
 * in LeadMaster knows of it: CHROMIUM_PATH names a wrapper in which that name leads here.
 */

/** How the simulated WhatsApp behaves; may be changed at any time, for pages loaded and connections made from then on. */
export interface Scenario {
  /** How long the first and each later code is shown; WhatsApp: 60 s and 20 s. */
  firstQrMs: number
  qrMs: number
  /** Codes shown before the page is left to itself (UNPAIRED_IDLE). */
  qrCodes: number
  /** `early`: complete before whatsapp-web.js listens; `stuck`: it progresses and does not end; `never`: it does not begin. */
  sync: 'normal' | 'early' | 'stuck' | 'never'
  syncStepMs: number
  /** Until the page first tries again when its connection is lost. */
  reconnectMs: number
  version: string
  /** Modules that this version of WhatsApp Web does not have. */
  missing: string[]
  /** The page shows no window.Debug.VERSION. */
  deprecated: boolean
}

const usual: Scenario = {
  firstQrMs: 60_000, qrMs: 20_000, qrCodes: 6, sync: 'normal', syncStepMs: 150, reconnectMs: 200,
  version: '2.3000.1031521324', missing: [], deprecated: false
}

export interface Outbound {
  /** Module and function of WhatsApp Web, or the frame that left. */
  name: string
  detail: string
  at: string
}

export interface WhatsAppWeb {
  /** To be given as CHROMIUM_PATH. */
  chromiumPath: string
  port: number
  phone: Phone
  scenario: Scenario
  /** Everything any page ever tried to send, mark as seen or show as presence. */
  outbound(): Outbound[]
  /** The phone scans the code that is shown, or this one. @throws when it is not the one shown */
  scan(code?: string): Promise<void>
  /** The code shown now, or as soon as one is; `not` this one. */
  qr(not?: string): Promise<string>
  /** Resolves once a page is linked and connected / has synced. */
  connected(): Promise<void>
  synced(): Promise<void>
  /** Resolves once no page is connected. */
  disconnected(): Promise<void>
  /** Resolves once a connected device has everything that happened. */
  settled(): Promise<void>
  /** The code that is shown now, if one is. */
  shownQr(): string | undefined
  linkedDevices(): number
  isConnected(): boolean
  /** The phone unlinks all devices. */
  logout(): void
  /** The page's own socket goes into this state, WAState of whatsapp-web.js. */
  state(state: string): void
  /** The next code now, also in a page that is linked. */
  rotate(): void
  /** The page reports its sync a second time. */
  syncedAgain(): void
  /** From now on the page takes everything in and tells nobody, or again does. */
  stall(on: boolean): void
  throwInPage(message: string): void
  hangPage(): void
  /** Kills the renderers of the Chromium that shows this page. @returns how many */
  crashPage(): Promise<number>
  /** The processes of that Chromium. */
  chromium(type?: string): Promise<number[]>
  /** No network: nothing listens, every connection is cut; `on` brings it back. */
  network(on: boolean): Promise<void>
  /** Whether names resolve in a Chromium started from now on. */
  dns(resolves: boolean): Promise<void>
  close(): Promise<void>
}

export interface WhatsAppWebOptions {
  /** For the certificate, the wrapper and media; made if need be. */
  directory: string
  scenario?: Partial<Scenario>
  /** Keeps devices and history in the directory over a restart. */
  persist?: boolean
  log?: (line: string) => void
}

const pageDirectory = new URL('page/', import.meta.url)
const csp = "default-src 'self' data: blob:; style-src 'unsafe-inline'; script-src 'self' 'unsafe-eval'"

export const startWhatsAppWeb = async ({ directory, scenario: wanted = {}, persist = false, log = () => undefined }: WhatsAppWebOptions): Promise<WhatsAppWeb> => {
  const media = join(directory, 'media')
  mkdirSync(media, { recursive: true })
  const stateFile = join(directory, 'phone.json')
  const history = createHistory(persist ? readState(stateFile) : newState())
  const phone = createPhone(history, (path, sealed) => sealed && writeFileSync(join(media, basename(path)), sealed))
  const scenario: Scenario = { ...usual, ...wanted }
  const outbound: Outbound[] = []
  const links = new Set<Link>()
  const sockets = new Set<Socket>()
  const news = new EventEmitter().setMaxListeners(0)
  let closed = false
  const changed = (): void => void news.emit('changed')
  history.news.on('changed', changed)

  const { key, cert, spki } = await makeCertificate(directory)
  const server = createServer({ key, cert }, async (req, res) => {
    const { pathname } = new URL(req.url ?? '/', 'https://web.whatsapp.com')
    const respond = (status: number, type: string, body: string | Buffer = ''): void => void res.writeHead(status, { 'content-type': type, 'cache-control': 'no-store', 'content-security-policy': csp }).end(body)
    try {
      if (pathname === '/') {
        const { version, missing, deprecated, reconnectMs } = scenario
        const html = await readFile(new URL('index.html', pageDirectory), 'utf8')
        return respond(200, 'text/html', html.replace('SCENARIO', JSON.stringify({ version, missing, deprecated, reconnectMs })))
      }
      if (/^\/[a-z]+\.js$/.test(pathname)) return respond(200, 'text/javascript', await readFile(new URL(pathname.slice(1), pageDirectory)))
      if (pathname.startsWith('/media/')) return respond(200, 'application/octet-stream', await readFile(join(media, basename(pathname))))
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    }
    respond(404, 'text/plain')
  })
  server.on('connection', (socket: Socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket)).on('error', () => undefined)
  })
  new WebSocketServer({ server, path: '/ws' }).on('connection', (socket) => {
    const link = createLink({
      socket, history, scenario, changed,
      resend: phone.resent,
      outbound: (name, detail) => {
        outbound.push({ name, detail, at: new Date().toISOString() })
        log(`outbound: ${name} ${detail}`)
      },
      connected: (mine) => {
        // a device has one connection: the newest
        for (const other of links) if (other !== mine && other.device === mine.device) other.end()
      }
    })
    links.add(link)
    socket.on('close', () => {
      links.delete(link)
      link.end()
      changed()
    })
  })
  const listen = async (port: number): Promise<number> => {
    server.listen(port, '127.0.0.1')
    await once(server, 'listening')
    return (server.address() as AddressInfo).port
  }
  // a Chromium that runs goes on after a restart, if that port is still to be had
  const portFile = join(directory, 'port')
  const before = persist && existsSync(portFile) ? Number(readFileSync(portFile, 'utf8')) : 0
  const port = await listen(before).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'EADDRINUSE') return listen(0)
    throw error
  })
  if (persist) writeFileSync(portFile, String(port))
  const chromiumPath = await writeWrapper(directory, port, spki)

  /** What `read` finds, now or as soon as something changed so that it does. */
  const when = async <T>(read: () => T | undefined | false): Promise<T> => {
    for (;;) {
      const found = read()
      if (found !== undefined && found !== false) return found
      if (closed) throw new Error('the simulated WhatsApp is closed')
      await once(news, 'changed')
    }
  }
  const all = (): Link[] => [...links]
  const online = (): Link | undefined => all().findLast(({ device }) => device !== undefined && history.state.devices.some(({ id }) => id === device))
  const tell = (frame: Record<string, unknown>): void => {
    for (const link of links) link.send(frame)
  }
  const hangUp = async (): Promise<void> => {
    const stopped = server.listening ? once(server, 'close') : undefined
    if (server.listening) server.close()
    for (const socket of sockets) socket.destroy()
    await stopped
  }

  let saving = false
  const save = (): void => {
    if (!persist || saving) return
    saving = true
    setTimeout(() => {
      saving = false
      if (!closed) writeFileSync(stateFile, JSON.stringify(history.state))
    }, 100)
  }
  history.news.on('changed', save)

  return {
    chromiumPath, port, phone, scenario,
    outbound: () => [...outbound],
    scan: async (code) => {
      const link = await when(() => all().findLast((one) => one.code !== undefined))
      if (code !== undefined && code !== link.code) throw new Error('code: that is not the code shown now')
      link.scan()
      await when(online)
    },
    qr: (not) => when(() => all().findLast(({ code }) => code !== undefined && code !== not)?.code),
    connected: async () => void (await when(online)),
    synced: async () => void (await when(() => online()?.synced)),
    disconnected: async () => void (await when(() => links.size === 0)),
    settled: async () =>
      void (await when(() => {
        const device = online()?.device
        return device !== undefined && history.waiting(device).length === 0
      })),
    shownQr: () => all().findLast(({ code }) => code !== undefined)?.code,
    linkedDevices: () => history.state.devices.length,
    isConnected: () => online() !== undefined,
    logout: () => {
      history.unlink()
      for (const link of links) if (link.device !== undefined) link.send({ t: 'logout' })
    },
    state: (state) => tell({ t: 'state', state }),
    rotate: () => all().at(-1)?.rotate(),
    syncedAgain: () => tell({ t: 'synced-again' }),
    stall: (on) => tell({ t: 'stall', on }),
    throwInPage: (message) => tell({ t: 'throw', message }),
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
    dns: (resolves) => writeHostRules(directory, port, resolves),
    close: async () => {
      if (persist) writeFileSync(stateFile, JSON.stringify(history.state))
      closed = true
      changed()
      for (const link of links) link.end()
      await hangUp()
      if (!persist) rmSync(media, { recursive: true, force: true })
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

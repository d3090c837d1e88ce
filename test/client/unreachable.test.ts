import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { build } from 'esbuild'
import t, { type Test } from 'tap'
import {
  createClient,
  LeadMasterError,
  type Client,
  type ClientOptions
} from '../../src/client/index.ts'
import { alsoAnswers } from '../../src/client/also-answers.ts'
import { operations } from '../../src/contract/api/operations.ts'
import type { Operation } from '../../src/contract/api/operation.ts'
import { inPage, launch, openPage } from '../browser/page.ts'
import { fakeSessionManager } from '../central-hub/follow/fake-session-manager.ts'
import {
  apiToken,
  centralHubEnv,
  freePort,
  startDaemon,
  type Daemon
} from '../end-to-end/daemon.ts'
import { ownDirectory } from '../platform/own-directory.ts'
import { rejection } from './rejection.ts'

/**
 * What the client says, and does, when it gets no answer of the hub: in Node, and in a page of
 * another origin in Chromium.
 */

t.setTimeout(900_000)

/** What became of a call. */
interface Outcome {
  answer?: unknown
  type?: string
  status?: number
  message?: string
  retryAfterS?: number
}
type Call = (
  options: ClientOptions,
  call: 'listLeads' | 'signOut' | 'firstEvent'
) => Promise<Outcome>

const inNode: Call = async (options, call) => {
  try {
    const hub: Client = createClient(options)
    if (call === 'listLeads') return { answer: await hub.listLeads() }
    if (call === 'signOut') return { answer: await hub.signOut() }
    return { answer: (await hub.events().next()).value }
  } catch (error) {
    if (!(error instanceof LeadMasterError)) throw error
    const { type, status, message, retryAfterS } = error
    return { type, status, message, ...(retryAfterS === undefined ? {} : { retryAfterS }) }
  }
}

const listen = async (t: Test, listener: RequestListener, port = 0): Promise<string> => {
  const server = createServer(listener).listen(port, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.close()
    server.closeAllConnections()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

/** A page of an origin of its own; one client for each set of options, as a frontend has it. */
const inChromium = async (t: Test): Promise<{ call: Call; origin: string }> => {
  const {
    outputFiles: [script]
  } = await build({
    entryPoints: [new URL('../../src/client/index.ts', import.meta.url).pathname],
    bundle: true,
    format: 'iife',
    globalName: 'leadmaster',
    write: false,
    target: 'es2022'
  })
  const origin = await listen(t, (_req, res) => {
    res
      .writeHead(200, { 'content-type': 'text/html' })
      .end(
        `<!doctype html><title>CRM</title><script>${script?.text}; globalThis.leadmaster = leadmaster; globalThis.clients = {}</script>`
      )
  })
  const page = await openPage(t, await launch(t), origin)
  return {
    origin,
    call: (options, call) =>
      inPage(
        page,
        `(async () => {
        const options = ${JSON.stringify(options)}
        const hub = (clients[JSON.stringify(options)] ??= leadmaster.createClient(options))
        try {
          return { answer: ${call === 'firstEvent' ? '(await hub.events().next()).value' : `await hub.${call}()`} }
        } catch (error) {
          return { type: error.type, status: error.status, message: error.message, retryAfterS: error.retryAfterS }
        }
      })()`
      )
  }
}

interface Hub {
  url: string
  port: number
  daemon: Daemon
  start(): void
}
const startHub = async (t: Test, extra: Record<string, string>): Promise<Hub> => {
  const upstream = await fakeSessionManager(t)
  const port = await freePort()
  const env = {
    ...centralHubEnv({ port, stateDir: ownDirectory(t), sessionManager: upstream.url }),
    ...extra
  }
  const hub: Hub = {
    url: `http://127.0.0.1:${port}`,
    port,
    daemon: startDaemon('central-hub', env),
    start: () => {
      hub.daemon = startDaemon('central-hub', env)
    }
  }
  t.teardown(() => hub.daemon.end('SIGKILL'))
  await hub.daemon.seen('listening')
  return hub
}

/** What is the same in both. */
const sameInBoth = async (t: Test, call: Call, origin: string): Promise<void> => {
  await t.test(
    'nobody answers: it says where, after it has tried for as long as it may',
    async (t) => {
      const baseUrl = `http://127.0.0.1:${await freePort()}`
      const began = performance.now()
      t.match(await call({ baseUrl, retryReadsMs: 0 }, 'listLeads'), {
        type: 'unreachable',
        status: 0,
        message: new RegExp(`^nobody answers at ${baseUrl}`)
      })
      const once = performance.now() - began
      t.match(await call({ baseUrl, retryReadsMs: 1_500 }, 'listLeads'), { type: 'unreachable' })
      const long = performance.now() - began - once
      t.ok(long > 700 && long < once + 10_000, `${Math.round(long)} ms`)
    }
  )

  await t.test('a hub that restarts: a read waits for it, a write says so', async (t) => {
    const hub = await startHub(t, { CORS_ORIGINS: origin })
    const options = { baseUrl: hub.url, token: apiToken, retryReadsMs: 60_000 }
    t.match(await call(options, 'listLeads'), { answer: { leads: [] } })
    await hub.daemon.end('SIGTERM')
    t.match(await call(options, 'signOut'), { type: 'unreachable' })
    const read = call(options, 'listLeads')
    hub.start()
    t.match(await read, { answer: { leads: [] } })
  })

  await t.test('a proxy says 502 while the hub restarts: a read waits for it', async (t) => {
    const hub = await startHub(t, { CORS_ORIGINS: origin })
    let isDown = false
    let refused = 0
    const proxy = await listen(t, async (req, res) => {
      if (isDown) {
        refused += 1
        if (refused > 3) isDown = false
        return void res.writeHead(502, { 'content-type': 'text/html' }).end('<h1>Bad gateway</h1>')
      }
      const headers = {
        authorization: req.headers.authorization ?? '',
        origin: req.headers.origin ?? '',
        'access-control-request-method': 'GET',
        'access-control-request-headers': 'authorization'
      }
      const answer = await fetch(hub.url + (req.url ?? ''), {
        method: req.method ?? 'GET',
        headers
      })
      const kept = [...answer.headers].filter(
        ([name]) =>
          !/^(content-length|content-encoding|transfer-encoding|connection|keep-alive|access-control-max-age)$/.test(
            name
          )
      )
      res
        .writeHead(answer.status, Object.fromEntries(kept))
        .end(Buffer.from(await answer.arrayBuffer()))
    })
    const options = { baseUrl: proxy, token: apiToken, retryReadsMs: 60_000 }
    t.match(await call(options, 'listLeads'), { answer: { leads: [] } })
    isDown = true
    t.match(await call(options, 'listLeads'), { answer: { leads: [] } })
    t.ok(refused > 3)
  })

  await t.test(
    'a wrong token, and too many requests, are told as the hub tells them',
    async (t) => {
      const hub = await startHub(t, { CORS_ORIGINS: origin, RATE_LIMIT: '20' })
      t.match(await call({ baseUrl: hub.url, token: 'wrong' }, 'listLeads'), {
        type: 'unauthorized',
        status: 401,
        message: /HUB_API_TOKEN/
      })
      t.match(await call({ baseUrl: hub.url }, 'firstEvent'), { type: 'unauthorized', status: 401 })
      const options = { baseUrl: hub.url, token: apiToken }
      let outcome: Outcome = {}
      for (let requests = 0; requests < 30 && outcome.type === undefined; requests += 1)
        outcome = await call(options, 'listLeads')
      t.match(outcome, {
        type: 'too-many-requests',
        status: 429,
        message: /20 requests a minute.*Try again in \d+ s/,
        retryAfterS: Number
      })
    }
  )

  await t.test(
    'another server at baseUrl: it says that this is no hub, of calls and of events',
    async (t) => {
      const baseUrl = await listen(t, (req, res) => {
        const cors = {
          'access-control-allow-origin': '*',
          'access-control-allow-headers': 'authorization,last-event-id'
        }
        if (req.method === 'OPTIONS') return void res.writeHead(204, cors).end()
        res
          .writeHead(200, { ...cors, 'content-type': 'text/html' })
          .end('<h1>Welcome to nginx!</h1>')
      })
      for (const what of ['listLeads', 'firstEvent'] as const) {
        t.match(
          await call({ baseUrl, token: apiToken }, what),
          {
            type: 'unexpected-answer',
            status: 200,
            message: `what answers at ${baseUrl} is not a LeadMaster hub (200, text/html): check baseUrl`
          },
          what
        )
      }
    }
  )
}

t.test('in Node', async (t) => {
  await sameInBoth(t, inNode, 'https://crm.example')

  await t.test('the URL of session-manager: it wants another token, and says which', async (t) => {
    const upstream = await fakeSessionManager(t)
    t.match(await inNode({ baseUrl: upstream.url, token: apiToken }, 'listLeads'), {
      type: 'unauthorized'
    })
  })

  await t.test(
    'what can be no URL of a hub is refused when the client is made, or asks',
    async (t) => {
      for (const baseUrl of ['127.0.0.1:3012', 'localhost:3012', 'ftp://hub', 'http://', 'hub']) {
        t.throws(() => createClient({ baseUrl }), {
          name: 'TypeError',
          message: `baseUrl: expected where the hub is, such as http://127.0.0.1:3012, not ${baseUrl}`
        })
      }
      for (const baseUrl of ['', '/hub'])
        await t.rejects(createClient({ baseUrl }).listLeads(), {
          name: 'TypeError',
          message: /^baseUrl: outside of a browser/
        })
    }
  )

  await t.test(
    'an answer of 503 that says what is not well is an answer; a problem is not',
    async (t) => {
      const ready = { ready: false, checks: [{ name: 'store', ok: false, detail: 'a test' }] }
      const problem = {
        type: 'urn:leadmaster:problem:store-unavailable',
        title: 'The database cannot be reached',
        status: 503
      }
      const answers = [
        ['application/json', ready],
        ['application/problem+json', problem]
      ] as const
      const clients = answers.map(([type, body]) =>
        createClient({
          baseUrl: 'http://hub.example',
          fetch: async () =>
            new Response(JSON.stringify(body), { status: 503, headers: { 'content-type': type } })
        })
      )
      t.same(await clients[0]?.getReadiness(), ready)
      t.match(await rejection(clients[1]?.getReadiness() ?? Promise.resolve()), {
        type: 'store-unavailable'
      })
      const inContract = Object.entries(operations as Record<string, Operation>).flatMap(
        ([id, { answer }]) => {
          const statuses = Object.keys(answer.also ?? {})
            .map(Number)
            .filter((status) => status >= 400)
          return statuses.length === 0 ? [] : [[id, statuses]]
        }
      )
      t.same(alsoAnswers, Object.fromEntries(inContract), 'as the contract has it')
    }
  )

  await t.test('a read ends its waiting with its signal', async (t) => {
    const controller = new AbortController()
    const hub = createClient({
      baseUrl: `http://127.0.0.1:${await freePort()}`,
      retryReadsMs: 60_000
    })
    const read = hub.listLeads({}, { signal: controller.signal })
    setTimeout(() => controller.abort(), 100)
    await t.rejects(read, { name: 'AbortError' })
  })
})

t.test('in a page of another origin', async (t) => {
  const { call, origin } = await inChromium(t)
  await sameInBoth(t, call, origin)

  await t.test(
    'a hub that does not allow the origin: it names the origin, the variable and the file',
    async (t) => {
      const hub = await startHub(t, { CORS_ORIGINS: 'https://crm.example' })
      const expected = {
        type: 'origin-not-allowed',
        status: 0,
        message: `${hub.url} answers, but not to pages of ${origin}: add ${origin} to CORS_ORIGINS in central-hub.env and restart central-hub, or correct baseUrl if the hub is not there`
      }
      t.match(await call({ baseUrl: hub.url, token: apiToken }, 'listLeads'), expected)
      t.match(await call({ baseUrl: hub.url, token: apiToken }, 'signOut'), expected)
    }
  )

  await t.test(
    'another server that allows no origin: it says so, and to check baseUrl',
    async (t) => {
      const baseUrl = await listen(
        t,
        (_req, res) =>
          void res.writeHead(404, { 'content-type': 'text/html' }).end('<h1>Not found</h1>')
      )
      t.match(await call({ baseUrl }, 'listLeads'), {
        type: 'origin-not-allowed',
        message: /or correct baseUrl/
      })
    }
  )
})

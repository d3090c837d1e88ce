import { createServer } from 'node:http'
import whatsapp from 'whatsapp-web.js'

// whatsapp-web.js as it is, with its default launch options: a handler that does nothing but count
// (and, for the sake of the bench, note when), and its own API to read chats. GET / tells what it
// counted, GET /read reads chat by chat.

export const open = ({ chromiumPath, profile }, onMessage) => {
  const client = new whatsapp.Client({
    authStrategy: new whatsapp.NoAuth(),
    // what is not given here is the library's default
    puppeteer: { executablePath: chromiumPath, userDataDir: profile },
    webVersionCache: { type: 'none' }
  })
  const state = { ready: false, count: 0, last_at: 0, times: [] }
  client.on('ready', () => (state.ready = true))
  client.on('message_create', (message) => {
    state.count += 1
    state.last_at = Date.now()
    state.times.push(state.last_at)
    onMessage?.(message, state)
  })
  const routes = {
    '/': async () => ({
      ready: state.ready,
      count: state.count,
      last_at: state.last_at,
      pid: process.pid
    }),
    '/times': async () => state.times.splice(0),
    '/read': async () => {
      const started = performance.now()
      const chats = await client.getChats()
      let messages = 0
      for (const chat of chats) messages += (await chat.fetchMessages({ limit: 20 })).length
      return { ms: performance.now() - started, messages }
    }
  }
  const server = createServer(async (req, res) => {
    try {
      res.end(JSON.stringify(await routes[req.url]()))
    } catch (error) {
      res.writeHead(500).end(String(error))
    }
  })
  client.initialize().catch((error) => {
    console.error(error)
    process.exit(1)
  })
  server.listen(0, '127.0.0.1', () => console.log(JSON.stringify({ port: server.address().port })))
  process.on('SIGTERM', () => client.destroy().finally(() => process.exit()))
}

if (process.argv[1] === import.meta.filename) open(JSON.parse(process.argv[2]))

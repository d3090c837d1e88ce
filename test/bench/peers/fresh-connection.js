import { createServer, request } from 'node:http'

// A hop that opens a connection for each request, and passes on what comes.

const { sessionManager, token } = JSON.parse(process.argv[2])
const server = createServer((req, res) => {
  const asked = request(
    `${sessionManager}/status`,
    { agent: false, headers: { authorization: `Bearer ${token}` } },
    (answer) => {
      res.writeHead(answer.statusCode, {
        'content-type': answer.headers['content-type'],
        'content-length': answer.headers['content-length']
      })
      answer.pipe(res)
    }
  )
  asked.on('error', () => res.writeHead(503).end())
  asked.end()
}).listen(0, '127.0.0.1', () => console.log(JSON.stringify({ port: server.address().port })))
process.on('SIGTERM', () => process.exit())

import { createServer } from 'node:http'

// The limit: node:http that looks at nothing but the path, and sends the bytes the hub sent for it.

const { answers } = JSON.parse(process.argv[2])
const ready = new Map(
  Object.entries(answers).map(([path, { headers, body }]) => [
    path,
    { headers, bytes: Buffer.from(body) }
  ])
)
const server = createServer((req, res) => {
  const { headers, bytes } = ready.get(req.url)
  res.writeHead(200, headers)
  res.end(bytes)
}).listen(0, '127.0.0.1', () => console.log(JSON.stringify({ port: server.address().port })))
process.on('SIGTERM', () => process.exit())

import { DatabaseSync } from 'node:sqlite'
import express from 'express'

// The hub that the usual way posts to: each post is a row on disk before it is answered. GET /
// tells how many.

const { database } = JSON.parse(process.argv[2])
const db = new DatabaseSync(database)
db.exec(
  'PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; CREATE TABLE messages (id TEXT PRIMARY KEY, body TEXT); CREATE TABLE leads (phone TEXT PRIMARY KEY, name TEXT)'
)
const addMessage = db.prepare('INSERT INTO messages VALUES (?, ?) ON CONFLICT DO NOTHING')
const addLead = db.prepare(
  'INSERT INTO leads VALUES (?, ?) ON CONFLICT DO UPDATE SET name = excluded.name'
)
let count = 0
let lastAt = 0
const app = express()
app.use(express.json())
app.post('/messages', (req, res) => {
  // WhatsApp Web of July 2026 gives an id no _serialized
  addMessage.run(JSON.stringify(req.body.id), JSON.stringify(req.body))
  count += 1
  lastAt = Date.now()
  res.json({ success: true })
})
app.post('/leads', (req, res) => {
  addLead.run(String(req.body.phone), String(req.body.name))
  res.json({ success: true })
})
app.get('/', (_req, res) => res.json({ count, last_at: lastAt }))
const server = app.listen(0, '127.0.0.1', () =>
  console.log(JSON.stringify({ port: server.address().port }))
)
process.on('SIGTERM', () => process.exit())

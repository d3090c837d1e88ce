import { DatabaseSync } from 'node:sqlite'
import axios from 'axios'
import cors from 'cors'
import express from 'express'
import { rateLimit } from 'express-rate-limit'
import helmet from 'helmet'

// The hub as it is usually written: Express 5, axios to session-manager, the same middleware as
// ours, and the leads of the same database by one prepared query.

const { sessionManager, token, apiToken, database } = JSON.parse(process.argv[2])
const db = new DatabaseSync(database, { readOnly: true })
const leads =
  db.prepare(`SELECT leads.*, last.id AS last_id, last.type AS last_type, last.body AS last_body, last.from_me AS last_from_me, last.timestamp AS last_timestamp
  FROM leads LEFT JOIN messages AS last ON last.pk = leads.last_pk ORDER BY last_seen DESC, leads.id DESC LIMIT ?`)
const tags = db.prepare(
  'SELECT lead_id, tag FROM lead_tags WHERE lead_id IN (SELECT value FROM json_each(?)) ORDER BY tag'
)
const upstream = axios.create({
  baseURL: sessionManager,
  headers: { authorization: `Bearer ${token}` },
  timeout: 5_000
})
const iso = (seconds) => (seconds === null ? null : new Date(seconds * 1_000).toISOString())

const app = express()
app.use(helmet())
app.use(cors({ origin: ['https://crm.example.com'] }))
app.use(
  rateLimit({
    windowMs: 60_000,
    limit: 1_000_000,
    standardHeaders: 'draft-8',
    legacyHeaders: false
  })
)
app.use((req, res, next) => {
  if (req.headers.authorization !== `Bearer ${apiToken}`)
    return res.status(401).json({ error: 'unauthorized' })
  next()
})
app.use(express.json())
app.get('/api/whatsapp/status', async (req, res) => {
  const { data } = await upstream.get('/status')
  res.json(data)
})
app.get('/api/leads', (req, res) => {
  const limit = Math.min(200, Number(req.query.limit ?? 50))
  const rows = leads.all(limit + 1)
  const tagged = Map.groupBy(
    tags.all(JSON.stringify(rows.map(({ id }) => id))),
    ({ lead_id }) => lead_id
  )
  res.json({
    leads: rows.slice(0, limit).map((row) => ({
      id: row.id,
      account: row.account,
      phone: row.phone,
      lid: row.lid,
      chat_id: row.chat_id,
      name: row.given_name ?? row.imported_name ?? row.name,
      whatsapp_name: row.name,
      state: row.state,
      note: row.note,
      tags: (tagged.get(row.id) ?? []).map(({ tag }) => tag),
      assignee: row.assignee,
      first_seen_at: iso(row.first_seen),
      last_seen_at: iso(row.last_seen),
      waiting_since: iso(row.waiting_since),
      unanswered_count: row.unanswered_count,
      unread_count: row.unread_count,
      last_message: {
        id: row.last_id,
        type: row.last_type,
        body: (row.last_body ?? '').slice(0, 200),
        from_me: row.last_from_me === 1,
        timestamp: row.last_timestamp
      },
      updated_at: new Date(row.updated_at).toISOString()
    })),
    next_cursor:
      rows.length > limit
        ? Buffer.from(
            JSON.stringify(['recent', rows[limit - 1].last_seen, rows[limit - 1].id])
          ).toString('base64url')
        : null
  })
})
const server = app.listen(0, '127.0.0.1', () =>
  console.log(JSON.stringify({ port: server.address().port }))
)
process.on('SIGTERM', () => process.exit())

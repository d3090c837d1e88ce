import { readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import sirv from 'sirv'
import type { Http } from '../platform/http.ts'
import type { Access } from './api/access.ts'

const directory = fileURLToPath(new URL('./console/', import.meta.url))

/** The operator page at `/`: files as they are, open to all, for they hold nothing; what they show they ask the API for. */
export const addConsole = (http: Http, access: Access): void => {
  for (const file of readdirSync(directory)) access.open(`/${file}`)
  access.open('/')
  // asked for anew each time, so that a page never mixes modules of two releases
  const files = sirv(directory, { etag: true, gzip: true, maxAge: 0 })
  // sirv looks for several files before it lets a request go on
  http.use((req, res, next) => (req.path.startsWith('/api/') ? next() : files(req, res, next)))
}

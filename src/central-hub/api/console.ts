import { readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import sirv from 'sirv'
import type { Http } from '../../platform/http/http.ts'
import type { Access } from './access.ts'

const usualDirectory = fileURLToPath(new URL('../console/', import.meta.url))
/** A name that scripts/bundle-page.ts made from the content: such a file never changes. */
const isNamedByContent = /-[0-9A-Z]{8}\.\w+$/
const immutable = 'public,max-age=31536000,immutable'

/**
 * The operator page at `/`. Its files are open to all because they hold no data; the page asks the
 * API for that.
 * @param directory of the files: as they are in src, or as scripts/bundle-page.ts makes them
 */
export const addConsole = (http: Http, access: Access, directory = usualDirectory): void => {
  for (const file of readdirSync(directory)) access.open(`/${file}`)
  access.open('/')
  const files = sirv(directory, {
    etag: true,
    gzip: true,
    brotli: true,
    // The browser asks for index.html each time: it names the other files of the same release.
    maxAge: 0,
    setHeaders: (res, path) => {
      if (isNamedByContent.test(path)) res.setHeader('cache-control', immutable)
    }
  })
  // sirv looks for several files before it passes a request on, so API requests skip it.
  http.use((req, res, next) => (req.path.startsWith('/api/') ? next() : files(req, res, next)))
}

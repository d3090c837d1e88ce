import { readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import sirv from 'sirv'
import type { Http } from '../../platform/http/http.ts'
import type { Access } from './access.ts'
import { pageLanguage } from './page-language.ts'

const usualDirectory = fileURLToPath(new URL('../console/', import.meta.url))
/** A name that scripts/bundle-page.ts made from the content: such a file never changes. */
const isNamedByContent = /-[0-9A-Z]{8}\.\w+$/
const immutable = 'public,max-age=31536000,immutable'

/** The pages in other languages than English, as scripts/bundle-page.ts makes them. */
const translatedPage = /^index\.([a-z]+)\.html$/

/**
 * The operator page at `/`, with the texts of the language that the browser wants. Its files are
 * open to all because they hold no data; the page asks the API for that.
 * @param directory of the files: as they are in src, or as scripts/bundle-page.ts makes them
 */
export const addConsole = (http: Http, access: Access, directory = usualDirectory): void => {
  const names = readdirSync(directory)
  for (const name of names) access.open(`/${name}`)
  access.open('/')
  const languages = ['en', ...names.flatMap((name) => translatedPage.exec(name)?.[1] ?? [])]
  const filesIn = (language: string): ReturnType<typeof sirv> =>
    sirv(directory, {
      etag: true,
      gzip: true,
      brotli: true,
      // What / is: index.es.html, or index.html of a language without a page.
      extensions: [`${language}.html`, 'html'],
      // The browser asks for index.html each time: it names the other files of the same release.
      maxAge: 0,
      setHeaders: (res, path) => {
        if (isNamedByContent.test(path)) res.setHeader('cache-control', immutable)
        if (path === '/') res.setHeader('vary', 'Accept-Encoding, Accept-Language, Cookie')
      }
    })
  const files = new Map(languages.map((language) => [language, filesIn(language)]))
  // sirv looks for several files before it passes a request on, so API requests skip it.
  http.use((req, res, next) => {
    if (req.path.startsWith('/api/')) return next()
    files.get(pageLanguage(req.headers, languages))?.(req, res, next)
  })
}

import { createHash } from 'node:crypto'
import { cpSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { brotliCompressSync, constants, gzipSync } from 'node:zlib'
import { build, type BuildOptions, type Plugin } from 'esbuild'

/**
 * Makes the operator page: one script, one style sheet, one worker, and a file of texts for each
 * language. Their names contain a hash of the content, so that a browser keeps them. Over a slow
 * connection the number of requests decides how long a person waits, not their size: index.html
 * brings the texts of its language, and the files of texts are for who chooses another one.
 */

/** Files of src/central-hub/console that keep their names. */
const keptNames = ['manifest.webmanifest', 'service-worker.js']
const icons = /^icon.*\.(?:svg|png)$/
/** A name with a hash: console.ts lets the browser keep such a file for a year. */
const entryNames = '[name]-[hash]'

/** @returns the name of the bundle, without its directory */
const bundleEntry = async (
  page: string,
  to: string,
  entry: string,
  plugins: Plugin[] = []
): Promise<string> => {
  const options = {
    absWorkingDir: page,
    entryPoints: [entry],
    outdir: to,
    entryNames,
    bundle: true,
    minify: true,
    format: 'esm',
    platform: 'browser',
    target: 'es2022',
    charset: 'utf8',
    legalComments: 'inline',
    sourcemap: 'linked',
    metafile: true,
    logLevel: 'warning',
    plugins
  } satisfies BuildOptions
  const { metafile } = await build(options)
  const [made] = Object.entries(metafile.outputs).flatMap(([file, { entryPoint }]) =>
    entryPoint === entry ? [basename(file)] : []
  )
  if (made === undefined) throw new Error(`esbuild made nothing of ${entry}`)
  return made
}

/** Replaces a name. @throws when the text does not contain it */
const rename = (text: string, from: string, to: string): string => {
  if (!text.includes(from)) throw new Error(`${from} is not where it is to be renamed to ${to}`)
  return text.replaceAll(from, () => to)
}

/** Renames files that a script names by URL. esbuild does not follow that. */
const renamedIn = (script: RegExp, names: readonly (readonly [string, string])[]): Plugin => ({
  name: `new names in ${script}`,
  setup: ({ onLoad }) => {
    onLoad({ filter: script }, ({ path }) => ({
      loader: 'js',
      contents: names.reduce(
        (text, [from, to]) => rename(text, from, to),
        readFileSync(path, 'utf8')
      )
    }))
  }
})

/** The texts of the page in one language. */
interface Texts {
  /** en */
  language: string
  /** en.json */
  name: string
  /** en-0123ABCD.json */
  hashedName: string
  /** JSON on one line. */
  json: string
}

const textsIn = (page: string): Texts[] =>
  readdirSync(page).flatMap((name) => {
    const language = /^([a-z]+)\.json$/.exec(name)?.[1]
    if (language === undefined) return []
    const json = JSON.stringify(JSON.parse(readFileSync(join(page, name), 'utf8')))
    const hash = createHash('sha256').update(json).digest('hex').slice(0, 8).toUpperCase()
    return [{ language, name, hashedName: `${language}-${hash}.json`, json }]
  })

/**
 * index.html with the texts of its language. A block of data is nothing that the CSP stops:
 * https://html.spec.whatwg.org/multipage/scripting.html#data-block
 */
const withTexts = (html: string, { language, json }: Texts): string => {
  const { languageTag } = JSON.parse(json) as { languageTag: string }
  // In JSON a < is within a text only; escaped, it cannot end the block.
  const block =
    `<script type="application/json" id="texts" data-language="${language}">` +
    `${json.replaceAll('<', String.raw`\u003c`)}</script>`
  return rename(
    rename(html, '<html lang="en">', `<html lang="${languageTag}">`),
    '</head>',
    `  ${block}\n</head>`
  )
}

/** Compresses a file. sirv sends a compressed file to a browser that accepts it. */
const compress = (file: string): void => {
  const bytes = readFileSync(file)
  writeFileSync(`${file}.gz`, gzipSync(bytes, { level: 9 }))
  writeFileSync(
    `${file}.br`,
    brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length } })
  )
}

/**
 * @param root of the clone
 * @param to an empty directory for what the browser gets
 */
export const bundlePage = async (root: string, to: string): Promise<void> => {
  const page = join(root, 'src/central-hub/console')
  mkdirSync(to, { recursive: true })
  const worker = await bundleEntry(page, to, 'events-worker.js')
  const texts = textsIn(page)
  const script = await bundleEntry(page, to, 'main.js', [
    renamedIn(/\/live\.js$/, [['events-worker.js', worker]]),
    renamedIn(
      /\/texts\.js$/,
      texts.map(({ name, hashedName }) => [`'${name}'`, `'${hashedName}'`] as const)
    )
  ])
  const styles = await bundleEntry(page, to, 'console.css')
  const html = rename(
    rename(readFileSync(join(page, 'index.html'), 'utf8'), 'src="main.js"', `src="${script}"`),
    'href="console.css"',
    `href="${styles}"`
  )
  for (const each of texts) {
    const name = each.language === 'en' ? 'index.html' : `index.${each.language}.html`
    writeFileSync(join(to, name), withTexts(html, each))
    writeFileSync(join(to, each.hashedName), each.json)
  }
  const kept = [...keptNames, ...readdirSync(page).filter((name) => icons.test(name))]
  for (const name of kept) cpSync(join(page, name), join(to, name))
  for (const file of readdirSync(to)) if (!/\.(?:map|png)$/.test(file)) compress(join(to, file))
}

import { cpSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { brotliCompressSync, constants, gzipSync } from 'node:zlib'
import { build, type BuildOptions, type Plugin } from 'esbuild'

/**
 * Makes the operator page: one script, one style sheet and one worker. Their names contain a hash
 * of the content, so that a browser keeps them. Over a slow connection the number of requests
 * decides how long a person waits, not their size.
 */

/** Files of src/central-hub/console that keep their names. */
const keptNames = ['icon.svg']
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
  return text.replaceAll(from, to)
}

/** Renames the worker in the page, which starts it by URL. esbuild does not follow that. */
const namedWorker = (worker: string): Plugin => ({
  name: 'the worker by its new name',
  setup: ({ onLoad }) => {
    onLoad({ filter: /\/live\.js$/ }, ({ path }) => ({
      loader: 'js',
      contents: rename(readFileSync(path, 'utf8'), 'events-worker.js', worker)
    }))
  }
})

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
  const script = await bundleEntry(page, to, 'main.js', [namedWorker(worker)])
  const styles = await bundleEntry(page, to, 'console.css')
  const html = readFileSync(join(page, 'index.html'), 'utf8')
  writeFileSync(
    join(to, 'index.html'),
    rename(
      rename(html, 'src="main.js"', `src="${script}"`),
      'href="console.css"',
      `href="${styles}"`
    )
  )
  for (const name of keptNames) cpSync(join(page, name), join(to, name))
  for (const file of readdirSync(to)) if (!file.endsWith('.map')) compress(join(to, file))
}

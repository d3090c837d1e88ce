import { execFileSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { gzipSync } from 'node:zlib'

/** `npm run build`: src, compiled, into dist, with the operator page's files. dist is replaced only by a whole build. */

const root = new URL('../', import.meta.url)
const made = new URL('node_modules/.cache/leadmaster/dist/', root)
const old = new URL('node_modules/.cache/leadmaster/dist-old/', root)
const dist = new URL('dist/', root)
const page = new URL('src/central-hub/console/', root)

for (const leftover of [made, old]) rmSync(leftover, { recursive: true, force: true })
mkdirSync(made, { recursive: true })
try {
  const tsc = new URL('node_modules/typescript/bin/tsc', root).pathname
  execFileSync(process.execPath, [tsc, '-p', 'tsconfig.build.json', '--outDir', made.pathname], { cwd: root, stdio: 'inherit' })
} catch {
  process.exit(1) // tsc has said why
}
cpSync(new URL('src/central-hub/api/docs/docs.css', root), new URL('central-hub/api/docs/docs.css', made))
const files = new URL('central-hub/console/', made)
cpSync(page, files, { recursive: true })
// sirv sends these to who accepts them
for (const file of readdirSync(files)) writeFileSync(new URL(`${file}.gz`, files), gzipSync(readFileSync(new URL(file, files)), { level: 9 }))
if (existsSync(dist)) renameSync(dist, old)
renameSync(made, dist)
rmSync(old, { recursive: true, force: true })

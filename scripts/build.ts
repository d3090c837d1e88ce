import { execFileSync } from 'node:child_process'
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync
} from 'node:fs'
import { bundlePage } from './bundle-page.ts'
import { bundleModule, bundleProgram } from './bundle.ts'
import { makeClientPackage } from './client-package.ts'
import { sbom } from './sbom.ts'

/**
 * `npm run build` checks the types and makes dist: the programs, the client as a package, the
 * operator page's files, the modules that scripts/install.ts needs without src, and the list of all
 * parts (SBOM). The same src and packages give the same bytes. dist is replaced only by a complete
 * build.
 */

const root = new URL('../', import.meta.url)
const made = new URL('node_modules/.cache/leadmaster/dist/', root)
const old = new URL('node_modules/.cache/leadmaster/dist-old/', root)
const dist = new URL('dist/', root)

for (const leftover of [made, old]) rmSync(leftover, { recursive: true, force: true })
mkdirSync(made, { recursive: true })

try {
  const tsc = new URL('node_modules/typescript/bin/tsc', root).pathname
  execFileSync(process.execPath, [tsc, '-p', 'tsconfig.build.json', '--outDir', made.pathname], {
    cwd: root,
    stdio: 'inherit'
  })
} catch {
  process.exit(1) // tsc has printed the errors
}
for (const directory of readdirSync(made))
  if (directory !== 'client') rmSync(new URL(directory, made), { recursive: true })
await makeClientPackage(root.pathname, made.pathname)
for (const module of ['env-file', 'log-line'])
  await bundleModule(root.pathname, made.pathname, `platform/${module}.ts`)

for (const command of ['cli', 'doctor', 'migrate', 'backup', 'backup/restore'])
  await bundleProgram(
    root.pathname,
    made.pathname,
    `admin/${command}/main.ts`,
    `admin/${command}/main.js`
  )
/** scripts/compile-ahead.ts makes the compile cache. Without a cache a start only takes longer. */
const cache = '../../node_modules/.cache/leadmaster/compiled'
const startDaemon = [
  "import { enableCompileCache } from 'node:module'",
  '',
  '// what scripts/compile-ahead.ts made of daemon.js: where it is missing or does not fit, ' +
    'starting only takes longer',
  `enableCompileCache({ directory: \`\${import.meta.dirname}/${cache}\`, portable: true })`,
  "await import('./daemon.js')",
  ''
].join('\n')
for (const service of ['session-manager', 'central-hub']) {
  await bundleProgram(root.pathname, made.pathname, `${service}/main.ts`, `${service}/daemon.js`)
  writeFileSync(new URL(`${service}/main.js`, made), startDaemon)
}

cpSync(
  new URL('src/central-hub/api/docs/docs.css', root),
  new URL('central-hub/api/docs/docs.css', made)
)
await bundlePage(root.pathname, new URL('central-hub/console', made).pathname)
writeFileSync(new URL('sbom.cdx.json', made), sbom(root.pathname))
if (existsSync(dist)) renameSync(dist, old)
renameSync(made, dist)
rmSync(old, { recursive: true, force: true })

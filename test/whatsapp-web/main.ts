import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { startControl } from './control.ts'
import { eras, startWhatsAppWeb, type Era } from './server.ts'

/**
 * The simulated WhatsApp as a process of its own: `main.ts --directory DIR [--web ERA]`. DIR keeps
 * its devices and history.
 */

const usage = `usage: main.ts --directory DIR [--web ${eras.join('|')}]`
let directory: string | undefined
let web: Era | undefined
try {
  const { values } = parseArgs({
    options: { directory: { type: 'string' }, web: { type: 'string' } }
  })
  directory = values.directory
  if (directory === undefined) throw new Error('--directory is missing')
  web = eras.find((era) => era === values.web)
  if (values.web !== undefined && web === undefined)
    throw new Error(`--web: there is no ${values.web}`)
} catch (error) {
  console.error(`${error instanceof Error ? error.message : String(error)}\n${usage}`)
  process.exit(2)
}

const where = resolve(directory)
mkdirSync(where, { recursive: true })
const simulated = await startWhatsAppWeb({
  directory: where,
  retryForever: true,
  scenario: web === undefined ? {} : { web },
  log: (text) => console.log(JSON.stringify({ event: 'log', text }))
})
const control = await startControl(simulated)
const controlFile = join(where, 'control.json')
writeFileSync(
  controlFile,
  `${JSON.stringify({ url: control.url, chromium_path: simulated.chromiumPath, pid: process.pid })}\n`
)

for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  process.once(signal, () => {
    rmSync(controlFile, { force: true })
    void Promise.all([control.close(), simulated.close()]).then(() => process.exit(0))
  })
}
console.log(
  JSON.stringify({
    event: 'listening',
    url: control.url,
    chromium_path: simulated.chromiumPath,
    linked_devices: simulated.linkedDevices()
  })
)

import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { startControl } from './control.ts'
import { startWhatsAppWeb } from './server.ts'

/** The simulated WhatsApp as a process of its own: `main.ts --directory DIR`. DIR keeps its devices and history. */

const usage = 'usage: main.ts --directory DIR'
let directory: string | undefined
try {
  directory = parseArgs({ options: { directory: { type: 'string' } } }).values.directory
  if (directory === undefined) throw new Error('--directory is missing')
} catch (error) {
  console.error(`${error instanceof Error ? error.message : String(error)}\n${usage}`)
  process.exit(2)
}

const where = resolve(directory)
mkdirSync(where, { recursive: true })
const web = await startWhatsAppWeb({ directory: where, persist: true, log: (text) => console.log(JSON.stringify({ event: 'log', text })) })
const control = await startControl(web)
const controlFile = join(where, 'control.json')
writeFileSync(controlFile, `${JSON.stringify({ url: control.url, chromium_path: web.chromiumPath, pid: process.pid })}\n`)

for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  process.once(signal, () => {
    rmSync(controlFile, { force: true })
    void Promise.all([control.close(), web.close()]).then(() => process.exit(0))
  })
}
console.log(JSON.stringify({ event: 'listening', url: control.url, chromium_path: web.chromiumPath, linked_devices: web.linkedDevices() }))

import { spawnSync } from 'node:child_process'
import { extname, resolve } from 'node:path'
import type { Command } from './command.ts'

/** Runs `scripts/doctor`, which checks the machine instead of asking the hub. */
export const doctor: Command = {
  summary: 'Checks how LeadMaster is wired on this machine',
  help: 'usage: leadmaster doctor [--json]\n',
  run: async (args) => {
    const main = resolve(import.meta.dirname, `../doctor/main${extname(import.meta.filename)}`)
    const { status, error } = spawnSync(process.execPath, [main, ...args], { stdio: 'inherit' })
    if (error) throw error
    return status ?? 1
  }
}

import type { Check } from './check.ts'
import { fault, note, ok } from './finding.ts'

/** Checks the clock. Times of messages, TLS and reading back depend on it. */

const name = 'clock'
const toleranceMs = 60_000

export const checkClock: Check = async ({ host, installation }) => {
  const files = [
    'package.json',
    'dist',
    'dist/admin/doctor',
    'dist/admin/doctor/main.js',
    'src/admin/doctor/main.ts'
  ]
  const newest = Math.max(
    0,
    ...(await Promise.all(
      files.map(async (file) => (await host.stat(`${installation.release}/${file}`))?.mtimeMs ?? 0)
    ))
  )
  const set = 'timedatectl set-ntp true'
  if (host.now() < newest - toleranceMs) {
    const [is, was] = [host.now(), newest].map((ms) =>
      new Date(ms).toISOString().slice(0, 16).replace('T', ' ')
    )
    return [
      fault(
        name,
        'host',
        `it says ${is} UTC, but this release was made at ${was}: it is wrong`,
        `${set} # without a time server: date --set '…'`
      )
    ]
  }
  const { code, stdout } = await host.run([
    'timedatectl',
    'show',
    '--property=NTPSynchronized',
    '--value'
  ])
  const synchronized = stdout.trim()
  if (code === 0 && synchronized === 'yes') return [ok(name, 'host', 'synchronized')]
  if (code === 0 && synchronized === 'no')
    return [note(name, 'host', 'not synchronized with a time server', set)]
  return [note(name, 'host', 'nothing here tells whether it is synchronized')]
}

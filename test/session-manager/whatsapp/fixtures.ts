import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Raw } from '../../../src/session-manager/whatsapp/content/raw.ts'

/** Raw models in the page's true shape, with what a listener is to make of them. */
export interface Fixture {
  name: string
  raw: Raw
  expect: Readonly<Record<string, unknown>>
}

const directory = join(import.meta.dirname, '../../whatsapp-web/fixtures')

export const fixtures: readonly Fixture[] = readdirSync(directory)
  .filter((file) => file.endsWith('.json'))
  .sort()
  .map((file) => ({
    name: file.slice(0, -5),
    ...(JSON.parse(readFileSync(join(directory, file), 'utf8')) as Omit<Fixture, 'name'>)
  }))

export const fixture = (name: string): Raw => {
  const found = fixtures.find((one) => one.name === name)
  if (found === undefined) throw new Error(`there is no fixture ${name}`)
  return found.raw
}

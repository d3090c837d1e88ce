import { existsSync, readdirSync, readFileSync } from 'node:fs'
import t from 'tap'

/**
 * The short form of fuzzing: each seed, and each input that once broke something, goes through its
 * target.
 */

const directory = new URL('./', import.meta.url)
const targets = readdirSync(new URL('targets', directory)).map((file) => file.replace('.ts', ''))

for (const target of targets) {
  t.test(target, async (t) => {
    const { fuzz, close } = (await import(`./targets/${target}.ts`)) as {
      fuzz: (bytes: Buffer) => Promise<void>
      close?: () => Promise<void>
    }
    t.teardown(() => close?.())
    const inputs = ['seeds', 'regressions'].flatMap((kind) => {
      const place = new URL(`${kind}/${target}/`, directory)
      return existsSync(place) ? readdirSync(place).map((name) => new URL(name, place)) : []
    })
    t.ok(inputs.length > 0)
    for (const input of inputs)
      await t.resolves(fuzz(readFileSync(input)), input.pathname.slice(directory.pathname.length))
  })
}

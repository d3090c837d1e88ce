import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { describe, type Result } from '../hosts/result.ts'

/**
 * The short form of test/hosts/main.ts: three hosts of which everything is killed, lost, cut off
 * and rolled once.
 */

t.setTimeout(1_800_000)

t.test(
  'over three hosts no message is lost, none comes twice, and no account is open twice, whatever fails',
  async (t) => {
    const json = join(t.testdir(), 'result.json')
    const main = fileURLToPath(new URL('../hosts/main.ts', import.meta.url))
    const child = spawn(process.execPath, [main, '--quick', '--json', json], {
      stdio: ['ignore', 'ignore', 'pipe'],
      env: { PATH: process.env['PATH'] }
    })
    let said = ''
    child.stderr.on('data', (text: Buffer) => (said += String(text)))
    t.teardown(() => child.kill('SIGTERM'))
    const [code] = (await once(child, 'close')) as [number | null]
    // A run that came to no end leaves no result. Its last words are the failure's own diagnostics,
    // for CI keeps no comments.
    if (!existsSync(json))
      return t.fail('the run came to no end', { code, said: said.slice(-8_000) })
    if (code !== 0) t.comment(said)
    const result = JSON.parse(readFileSync(json, 'utf8')) as Result & { wrong: string[] }
    t.comment(describe(result))
    t.same(result.wrong, [])
    t.equal(code, 0)
    t.ok(result.takeovers.length > 0, 'an account went to the other host, at least once')
    t.equal(result.told.length, 3)
    for (const { frontend, held } of result.told)
      t.equal(held, result.messages, `the frontend ${frontend}`)
  }
)

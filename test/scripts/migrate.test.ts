import { execFile } from 'node:child_process'
import { symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { withExactly } from '../platform/exact-env.ts'

const script = fileURLToPath(new URL('../../scripts/migrate', import.meta.url))
const run = (
  env: Record<string, string>,
  ...command: string[]
): Promise<{ code: number; stdout: string; stderr: string }> => {
  const [program, args] = withExactly({ PATH: '/usr/bin:/bin', ...env }, ...command)
  return new Promise((resolve) =>
    execFile(program, args, (error, stdout, stderr) =>
      resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr })
    )
  )
}

t.test('scripts/migrate', async (t) => {
  t.match(await run({}, script, '--help'), {
    code: 0,
    stdout: /^usage: scripts\/migrate \[--from FILE\]/,
    stderr: ''
  })
  t.match(await run({}, script, '--what'), {
    code: 2,
    stdout: '',
    stderr: /^migrate: Unknown option '--what'.*\n\nusage: /s
  })
  const link = join(t.testdir(), 'migrate')
  symlinkSync(script, link)
  t.match(await run({ LEADMASTER_HOME: t.testdirName }, link), {
    code: 1,
    stdout: '',
    stderr: /^migrate: there is no .*central-hub\.env, or this user may not see it: .*\n$/
  })
})

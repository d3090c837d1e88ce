import { execFile, execFileSync } from 'node:child_process'
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { fault, note, ok } from '../../../src/admin/doctor/finding.ts'
import { formatReport } from '../../../src/admin/doctor/report.ts'
import {
  copySecret,
  freshSecret,
  removeVariable,
  renameVariable,
  setVariable,
  word
} from '../../../src/admin/installation/shell.ts'
import { withExactly } from '../../platform/exact-env.ts'

const script = fileURLToPath(new URL('../../../scripts/doctor', import.meta.url))
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

t.test('scripts/doctor', async (t) => {
  t.match(await run({}, script, '--help'), {
    code: 0,
    stdout: /^usage: scripts\/doctor \[--json\]/
  })
  t.match(await run({}, script, '--jsn'), { code: 2, stdout: '', stderr: /^usage/ })
  const link = join(t.testdir(), 'leadmaster-doctor')
  symlinkSync(script, link)
  t.match(
    await run({}, link, '--help'),
    { code: 0, stdout: /^usage/ },
    'through a link, as in /usr/local/bin'
  )
})

t.test(
  'a home with nothing in it: both env files are missing, and the screen says how to make them',
  async (t) => {
    const home = join(t.testdir(), 'home')
    mkdirSync(home)
    const { code, stdout } = await run({ LEADMASTER_HOME: home }, script)
    t.equal(code, 1)
    t.match(
      stdout,
      /^LeadMaster, run by scripts\/up, env files in .*\n\nfault  session-manager  env file .* is missing\n       mend: install -m 0640 /
    )
  }
)

t.test('the screen', async (t) => {
  const shown = (...findings: Parameters<typeof formatReport>[1]): string =>
    formatReport('LeadMaster', findings, false)
  t.equal(
    shown(ok('port', 'central-hub', 'listens')),
    'LeadMaster\n\nok     central-hub  port  listens\n\nAll is wired right.\n'
  )
  t.equal(
    shown(
      fault('env file', 'central-hub', 'PORT is missing', 'true'),
      note('clock', 'host', 'unknown')
    ),
    'LeadMaster\n\nfault  central-hub  env file  PORT is missing\n       mend: true\nnote   host         clock     unknown\n\nOne fault: paste its mend, then run doctor again.\n'
  )
  t.match(
    shown(fault('a', 'b', 'c', 'd'), fault('a', 'b', 'c', 'd')),
    /2 faults: paste the first mend, then run doctor again\.\n$/
  )
  t.match(formatReport('', [fault('a', 'b', 'c', 'd')], true), /\u001b\[31m/)
})

t.test('mends, as bash runs them', async (t) => {
  const dir = t.testdir()
  const path = join(dir, 'a b.env')
  const after = (text: string, mend: string): string => {
    writeFileSync(path, text)
    execFileSync('bash', ['--norc', '-c', mend])
    return readFileSync(path, 'utf8')
  }
  const edit = (text: string) => ({ path, text })
  t.equal(after('A=1\nB=2\n', setVariable(edit('A=1\nB=2\n'), 'A', '3')), 'A=3\nB=2\n')
  t.equal(
    after(' A = 1\n', setVariable(edit(' A = 1\n'), 'A', 'x|y & "z" \\')),
    'A="x|y & \\"z\\" \\\\"\n'
  )
  t.equal(
    after('A=1', setVariable(edit('A=1'), 'B', '2')),
    'A=1\nB=2\n',
    'the last line has no newline'
  )
  t.equal(after('', setVariable(edit(''), 'B', "it's")), `B="it's"\n`)
  t.equal(after('AB=1\nB=2\n', renameVariable(edit('AB=1\nB=2\n'), 'B', 'C')), 'AB=1\nC=2\n')
  t.equal(after('AB=1\nB=2\n', removeVariable(edit('AB=1\nB=2\n'), 'B')), 'AB=1\n')
  t.match(after('S=old\nA=1', freshSecret('S', [edit('S=old\nA=1')])), /^A=1\nS=[0-9a-f]{64}\n$/)
  writeFileSync(join(dir, 'other'), 'S=one\nS=two\n')
  t.equal(
    after(
      'S=old\n',
      copySecret('S', { path: join(dir, 'other'), text: 'S=one\nS=two\n' }, edit('S=old\n'))
    ),
    'S=two\n'
  )
  t.equal(word("it's"), "'it'\\''s'")
})

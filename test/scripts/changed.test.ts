import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { changedFiles, testsOf, withinTime } from '../../scripts/changed.ts'

/** A project whose tests reach its sources by every kind of import. */
const project = {
  src: {
    'leaf.ts': 'export const leaf = 1\nexport type Leaf = 1\n',
    'middle.ts': "import { leaf } from './leaf.ts'\nexport const middle = leaf\n",
    'types.ts': "import type { Leaf } from './leaf.ts'\nexport const typed: Leaf = 1\n",
    'program.ts': "import './middle.ts'\n",
    'alone.ts': 'export const alone = 1\n'
  },
  test: {
    'leaf.test.ts': "import { leaf } from '../src/leaf.ts'\n",
    'middle.test.ts': "import { middle } from '../src/middle.ts'\n",
    'types.test.ts': "import { typed } from '../src/types.ts'\n",
    'program.test.ts': "const program = new URL('../src/program.ts', import.meta.url)\n",
    'dynamic.test.ts': "const { leaf } = await import('../src/leaf.ts')\n",
    'alone.test.ts': "import { alone } from '../src/alone.ts'\n"
  }
}

t.test('a change belongs to the tests that reach it, nearest first', async (t) => {
  const root = t.testdir(project)

  t.same(
    [...testsOf(root, ['src/leaf.ts'])],
    [
      ['test/dynamic.test.ts', 1],
      ['test/leaf.test.ts', 1],
      ['test/middle.test.ts', 2],
      ['test/types.test.ts', 2],
      ['test/program.test.ts', 3]
    ]
  )
  t.same([...testsOf(root, ['src/alone.ts']).keys()], ['test/alone.test.ts'])
  t.same([...testsOf(root, ['test/leaf.test.ts'])], [['test/leaf.test.ts', 0]])
  t.same([...testsOf(root, ['test/gone.test.ts']).keys()], [], 'a deleted test is not run')
})

t.test('changed files are those that differ from a commit, new ones included', async (t) => {
  const root = t.testdir(project)
  const git = (...args: string[]): void => {
    const who = ['-c', 'user.name=test', '-c', 'user.email=test@localhost']
    execFileSync('git', ['-C', root, ...who, ...args], { stdio: 'ignore' })
  }
  git('init')
  git('add', '.')
  git('commit', '--message', 'first')
  t.same(changedFiles(root, 'HEAD'), [])

  writeFileSync(join(root, 'src/leaf.ts'), 'export const leaf = 2\n')
  writeFileSync(join(root, 'src/new.ts'), 'export const added = 1\n')
  t.same(changedFiles(root, 'HEAD'), ['src/leaf.ts', 'src/new.ts'])
  t.throws(() => changedFiles(root, 'no-such-commit'))
  t.throws(() => changedFiles(root, '--output=written'), 'a revision is never an option')
})

t.test('tests are taken in their order for as long as they fit', async (t) => {
  const times = new Map([
    ['a', 10],
    ['slow', 60],
    ['b', 20]
  ])

  t.same(withinTime(['a', 'slow', 'b'], times, 30), { chosen: ['a', 'b'], left: ['slow'] })
  t.same(withinTime(['test/root/up.test.ts', 'test/new.test.ts'], new Map(), 30), {
    chosen: ['test/new.test.ts'],
    left: ['test/root/up.test.ts']
  })
})

import t, { type Test } from 'tap'
import { Progress } from '../../../src/admin/migrate/progress.ts'

const shown = (_t: Test, terminal: boolean, columns = 200) => {
  const written: string[] = []
  let at = 0
  const progress = new Progress({
    doing: 'copying',
    total: 10_000,
    done: 2_000,
    terminal,
    columns,
    write: (text) => void written.push(text),
    now: () => at
  })
  return {
    written,
    progress,
    /** So many rows, so much later. */
    after: (ms: number, rows: number): void => {
      at += ms
      progress.add('messages', rows)
    }
  }
}

t.test(
  'elsewhere than on a terminal: a line every five seconds, with the rate and what is left at it',
  async (t) => {
    const { written, after, progress } = shown(t, false)
    after(2_500, 1_000)
    t.same(written, [], 'not for each batch')
    after(2_500, 1_000)
    progress.end()
    t.same(written, [
      'migrate: copying messages: 4,000 of 10,000 rows, 40 %, 400 rows/s, 15 s left\n'
    ])
    after(5_000, 4_000)
    t.match(written[1], /: 8,000 of 10,000 rows, 80 %, 600 rows\/s, 4 s left\n$/)
  }
)

t.test('the rate is that of the last seconds', async (t) => {
  const { written, after } = shown(t, false)
  for (let times = 0; times < 10; times += 1) after(5_000, 500)
  t.match(written.at(-1), / 100 rows\/s, 30 s left/)
  after(5_000, 2_000)
  t.match(written.at(-1), / 200 rows\/s, 5 s left/)
})

t.test(
  'on a terminal: one line, written over, cut to its width, and gone at the end',
  async (t) => {
    const { written, after, progress } = shown(t, true, 40)
    after(250, 1_000)
    after(10, 10)
    after(250, 1_000)
    t.equal(written.length, 2)
    for (const line of written) t.match(line, /^\rmigrate: copying messages: [\d,]+ .*\u001b\[K$/)
    t.equal(written[0]?.slice(1, -3).length, 39)
    progress.end()
    progress.end()
    t.same(written.slice(2), ['\r\u001b[K'])
  }
)

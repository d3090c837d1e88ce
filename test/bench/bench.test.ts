import t from 'tap'
import { readArguments, rowNames } from './arguments.ts'
import { inShort, toSvg } from '../lab/plot.ts'
import { alternate, median, percentile, ratios, spread } from '../lab/statistics.ts'
import { table } from './table.ts'

t.test('medians, percentiles and ratios are those of the values', async (t) => {
  t.equal(median([5, 1, 3]), 3)
  t.equal(median([4, 1, 3, 2]), 2.5)
  const hundred = Array.from({ length: 100 }, (_, index) => 100 - index)
  t.same(
    [0, 0.5, 0.99, 1].map((share) => percentile(hundred, share)),
    [1, 50, 99, 100]
  )
  t.equal(percentile([7], 0.99), 7)
  t.throws(() => median([]), /no values/)
  t.throws(() => percentile([], 0.5), /no values/)
  t.same(spread([3, 1, 2]), { median: 2, min: 1, max: 3, runs: [3, 1, 2] })
  // round by round: the second round was slow for both
  t.same(ratios([10, 2, 30], [5, 1, 10]), { median: 2, min: 2, max: 3, runs: [2, 2, 3] })
  t.throws(() => ratios([1], [1, 2]), /held against/)
})

t.test('things are run in turn', async (t) => {
  const order: string[] = []
  const note = (name: string) => async (): Promise<number> => order.push(name)
  t.same(await alternate(2, { a: note('a'), b: note('b') }), { a: [1, 3], b: [2, 4] })
  t.same(order, ['a', 'b', 'a', 'b'])
})

t.test('the table tells medians with min and max, and whether a figure was reached', async (t) => {
  const drawn = table([
    {
      row: 'rest',
      figures: [
        {
          what: 'status',
          unit: '/s',
          ours: spread([9_000, 10_000, 12_345]),
          against: { name: 'express', figure: spread([2_000, 2_500, 3_000]) },
          ratio: spread([4.5, 4, 4.115]),
          target: { text: '≥ 3', met: true }
        },
        { what: 'p99', unit: 'ms', ours: spread([0.123456]), target: { text: '< 0.1', met: false } }
      ]
    }
  ]).split('\n')
  t.equal(drawn.length, 4)
  t.equal(new Set(drawn.map((line) => line.length)).size, 1, 'its columns stand below each other')
  t.match(
    drawn[0],
    /^\| row +\| what +\| LeadMaster +\| against +\| its figure +\| ratio +\| to reach +\|/
  )
  t.match(
    drawn[2],
    /\| 10,000 \(9,000–12,345\) \/s \| express \| 2,500 \(2,000–3,000\) \/s \| 4.12 \(4–4.5\) \| ≥ 3 +\| yes \|/
  )
  t.match(drawn[3], /\| 0.123 ms +\| +\| +\| +\| < 0.1 +\| NO +\|/)
  t.same([0, 0.00012, 1.005, 99.95, 1234.5, NaN].map(inShort), [
    '0',
    '0.0001',
    '1',
    '100',
    '1,235',
    '–'
  ])
})

t.test('arguments are as the usage says, or refused', async (t) => {
  t.same(readArguments([]), {
    quick: false,
    rows: rowNames,
    json: undefined,
    plots: undefined,
    profiles: undefined
  })
  t.same(
    readArguments(['--quick', '--only', 'hop', '--only', 'rest', '--json', 'f', '--plots', 'd']),
    { quick: true, rows: ['rest', 'hop'], json: 'f', plots: 'd', profiles: undefined }
  )
  t.throws(() => readArguments(['--only', 'nothing']), /no row "nothing"/)
  t.throws(() => readArguments(['--fast']), /--fast/)
  t.throws(() => readArguments(['rest']), /rest/)
})

t.test('a plot is an SVG of every line, with its name escaped', async (t) => {
  const svg = toSvg({
    name: 'n',
    title: 'a < b',
    x: 'messages',
    y: 'ms',
    lines: [
      {
        name: 'flat & low',
        points: [
          [1_000, 2],
          [1_000_000, 2]
        ]
      },
      {
        name: 'other',
        points: [
          [1_000, 2],
          [1_000_000, 20]
        ]
      }
    ]
  })
  t.match(svg, /^<svg xmlns="http:\/\/www.w3.org\/2000\/svg"/)
  t.match(svg, 'a &#60; b')
  t.match(svg, 'flat &#38; low')
  const [flat = '', rising = ''] = [
    ...svg.matchAll(/<path d="(M[^"]+)" fill="none" stroke="#/g)
  ].map(([, path]) => path)
  const ys = (path: string): number[] =>
    [...path.matchAll(/[ML][\d.]+ ([\d.]+)/g)].map(([, y]) => Number(y))
  t.equal(ys(flat)[0], ys(flat)[1], 'what stays the same is flat')
  t.ok((ys(rising)[1] as number) < (ys(rising)[0] as number), 'what grows goes up')
  t.notMatch(svg, /NaN|undefined/)
})

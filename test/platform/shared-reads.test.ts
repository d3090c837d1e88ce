import t from 'tap'
import { createSharedReads } from '../../src/platform/shared-reads.ts'

/** Reads that the test ends itself. */
const source = () => {
  const begun: PromiseWithResolvers<string>[] = []
  const waiting: { count: number; begun: () => void }[] = []
  return {
    begun,
    read: (): Promise<string> => {
      const one = Promise.withResolvers<string>()
      begun.push(one)
      for (const each of waiting) if (begun.length === each.count) each.begun()
      return one.promise
    },
    until: (count: number): Promise<void> =>
      new Promise((resolve) =>
        begun.length >= count ? resolve() : waiting.push({ count, begun: resolve })
      )
  }
}

t.test('those who ask at once share one read', async (t) => {
  const { read, begun, until } = source()
  const share = createSharedReads<string>()
  const all = Promise.all([share('status', read), share('status', read), share('status', read)])
  await until(1)
  begun[0]?.resolve('READY')
  t.same(await all, ['READY', 'READY', 'READY'])
  t.equal(begun.length, 1)
})

t.test(
  'who asks while a read is under way is not given what that one finds, for it may be older than the question',
  async (t) => {
    const { read, begun, until } = source()
    const share = createSharedReads<string>()
    const first = share('status', read)
    await until(1)
    const later = [share('status', read), share('status', read)]
    begun[0]?.resolve('QR_REQUIRED')
    t.equal(await first, 'QR_REQUIRED')
    await until(2)
    begun[1]?.resolve('READY')
    t.same(await Promise.all(later), ['READY', 'READY'])
    t.equal(begun.length, 2)
  }
)

t.test('a read that fails fails for those who shared it, and for nobody after them', async (t) => {
  const { read, begun, until } = source()
  const share = createSharedReads<string>()
  const outcomes = Promise.allSettled([share('status', read), share('status', read)])
  await until(1)
  const later = share('status', read)
  begun[0]?.reject(new Error('away'))
  t.match(await outcomes, [
    { status: 'rejected', reason: { message: 'away' } },
    { status: 'rejected', reason: { message: 'away' } }
  ])
  await until(2)
  begun[1]?.resolve('READY')
  t.equal(await later, 'READY')
})

t.test('what is not the same is read by itself, and nobody waits for it', async (t) => {
  const [slow, quick] = [source(), source()]
  const share = createSharedReads<string>()
  const never = share('qr', slow.read)
  const status = share('status', quick.read)
  await quick.until(1)
  quick.begun[0]?.resolve('READY')
  t.equal(await status, 'READY')
  await slow.until(1)
  slow.begun[0]?.resolve('NO_QR')
  t.equal(await never, 'NO_QR')
})

import t from 'tap'
import { ResponseCache, type TaggedAnswer } from '../../../src/central-hub/api/response-cache.ts'

const answer = (etag: string, bytes = 10): TaggedAnswer => ({ etag, bytes: Buffer.alloc(bytes) })

t.test('an answer is made once, until something changes', async (t) => {
  let version = '1'
  let made = 0
  const kept = new ResponseCache(async () => version)
  const make = async (): Promise<TaggedAnswer> => answer(String((made += 1)))
  t.match(await kept.get('/a', make), { etag: '1' })
  t.match(await kept.get('/a', make), { etag: '1' })
  t.match(await kept.get('/b', make), { etag: '2' })
  version = '2'
  t.match(await kept.get('/a', make), { etag: '3' })
  t.match(await kept.get('/b', make), { etag: '4' })
})

t.test('what was read while something changed is given, and not kept', async (t) => {
  let version = '1'
  const kept = new ResponseCache(async () => version)
  const reading = Promise.withResolvers<TaggedAnswer>()
  const first = kept.get('/a', () => reading.promise)
  await Promise.resolve()
  version = '2'
  t.match(await kept.get('/b', async () => answer('b')), { etag: 'b' })
  reading.resolve(answer('old'))
  t.match(await first, { etag: 'old' })
  t.match(await kept.get('/a', async () => answer('new')), { etag: 'new' })
})

t.test(
  'what fails is not kept, nor what is too large; many make room for one another',
  async (t) => {
    const kept = new ResponseCache(async () => '1')
    await t.rejects(
      kept.get('/a', () => Promise.reject(new Error('no'))),
      { message: 'no' }
    )
    t.match(await kept.get('/a', async () => answer('a')), { etag: 'a' })
    t.match(await kept.get('/large', async () => answer('large', 5 * 1024 ** 2)), { etag: 'large' })
    t.match(await kept.get('/large', async () => answer('again', 5 * 1024 ** 2)), { etag: 'again' })
    for (let n = 0; n < 5; n += 1) await kept.get(`/${n}`, async () => answer(`${n}`, 1024 ** 2))
    t.match(await kept.get('/a', async () => answer('anew')), { etag: 'anew' })
  }
)

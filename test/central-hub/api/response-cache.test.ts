import t from 'tap'
import {
  createResponseCache,
  type TaggedAnswer
} from '../../../src/central-hub/api/response-cache.ts'

const answer = (etag: string, bytes = 10): TaggedAnswer => ({ etag, bytes: Buffer.alloc(bytes) })

t.test('an answer is made once, until something changes', async (t) => {
  let version = '1'
  let made = 0
  const kept = createResponseCache(async () => version)
  const make = async (): Promise<TaggedAnswer> => answer(String((made += 1)))
  t.match(await kept('/a', make), { etag: '1' })
  t.match(await kept('/a', make), { etag: '1' })
  t.match(await kept('/b', make), { etag: '2' })
  version = '2'
  t.match(await kept('/a', make), { etag: '3' })
  t.match(await kept('/b', make), { etag: '4' })
})

t.test('what was read while something changed is given, and not kept', async (t) => {
  let version = '1'
  const kept = createResponseCache(async () => version)
  const reading = Promise.withResolvers<TaggedAnswer>()
  const first = kept('/a', () => reading.promise)
  await Promise.resolve()
  version = '2'
  t.match(await kept('/b', async () => answer('b')), { etag: 'b' })
  reading.resolve(answer('old'))
  t.match(await first, { etag: 'old' })
  t.match(await kept('/a', async () => answer('new')), { etag: 'new' })
})

t.test(
  'what fails is not kept, nor what is too large; many make room for one another',
  async (t) => {
    const kept = createResponseCache(async () => '1')
    await t.rejects(
      kept('/a', () => Promise.reject(new Error('no'))),
      { message: 'no' }
    )
    t.match(await kept('/a', async () => answer('a')), { etag: 'a' })
    t.match(await kept('/large', async () => answer('large', 5 * 1024 ** 2)), { etag: 'large' })
    t.match(await kept('/large', async () => answer('again', 5 * 1024 ** 2)), { etag: 'again' })
    for (let n = 0; n < 5; n += 1) await kept(`/${n}`, async () => answer(`${n}`, 1024 ** 2))
    t.match(await kept('/a', async () => answer('anew')), { etag: 'anew' })
  }
)

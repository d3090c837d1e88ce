import t from 'tap'
import { whyNotKept } from '../../../src/session-manager/journal/media-limits.ts'

t.test('types: whole, or all of a kind; parameters and case do not count', async (t) => {
  const kept = (types: string[], mimetype?: string): boolean =>
    whyNotKept({ maxBytes: 10, types }, { size: 1, mimetype }) === undefined
  t.ok(kept(['*/*'], 'video/mp4'))
  t.ok(kept(['*/*']), 'also what has none')
  t.ok(kept(['application/pdf', 'audio/*'], 'audio/ogg; codecs=opus'))
  t.ok(kept(['Image/PNG'], 'image/png'))
  t.notOk(kept(['image/*'], 'images/png'))
  t.notOk(kept(['image/*'], 'video/mp4'))
  t.notOk(kept(['image/*']), 'what has none is of no kind')
})

t.test('the reason names the variable', async (t) => {
  t.equal(
    whyNotKept({ maxBytes: 10, types: ['image/*'] }, { size: 10, mimetype: 'text/plain' }),
    'of a type that MEDIA_TYPES leaves out'
  )
  t.equal(whyNotKept({ maxBytes: 10, types: ['*/*'] }, { size: 11 }), 'larger than MEDIA_MAX_SIZE')
  t.equal(whyNotKept({ maxBytes: 0, types: ['*/*'] }, {}), 'larger than MEDIA_MAX_SIZE')
})

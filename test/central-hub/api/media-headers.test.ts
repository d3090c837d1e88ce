import fc from 'fast-check'
import t from 'tap'
import { contentDisposition, contentType } from '../../../src/central-hub/api/media-headers.ts'
import { propertyRuns } from '../../property-runs.ts'

const sha256 = '0123456789abcdef'.repeat(4)

t.test('the type is the captured one, if it is one that nothing in a page executes', async (t) => {
  for (const mimetype of [
    'image/png',
    'audio/ogg; codecs=opus',
    'application/pdf',
    'video/mp4; codecs="avc1.42E01E, mp4a.40.2"',
    'application/vnd.openxmlformats-officedocument.wordprocessingml.document',
    'text/plain; charset=utf-8'
  ]) {
    t.equal(contentType({ mimetype }), mimetype)
  }
  for (const mimetype of [
    '',
    'image',
    'image/',
    '/png',
    'image/png\r\nx: y',
    'image/png;',
    'image/png; a="b"c',
    'image /png',
    `image/${'x'.repeat(300)}`
  ]) {
    t.equal(contentType({ mimetype }), 'application/octet-stream', mimetype)
  }
  for (const mimetype of [
    'text/html',
    'TEXT/HTML; charset=utf-8',
    'application/xhtml+xml',
    'image/svg+xml',
    'text/xml',
    'application/javascript',
    'text/ecmascript',
    'text/css',
    'application/wasm',
    'text/cache-manifest',
    'multipart/x-mixed-replace',
    'application/json'
  ]) {
    t.equal(contentType({ mimetype }), 'application/octet-stream', mimetype)
  }
  t.equal(contentType({}), 'application/octet-stream')
})

t.test('shown in place: images of four kinds, audio, video; the rest is a download', async (t) => {
  const inline = (mimetype: string, download = false): boolean =>
    contentDisposition({ state: 'stored', sha256, mimetype }, download).startsWith('inline;')
  for (const type of [
    'image/png',
    'image/jpeg',
    'image/gif',
    'image/webp',
    'IMAGE/PNG',
    'audio/ogg; codecs=opus',
    'video/mp4'
  ])
    t.ok(inline(type), type)
  for (const type of [
    'image/svg+xml',
    'image/tiff',
    'text/html',
    'text/plain',
    'application/xml',
    'application/pdf',
    'application/octet-stream',
    'nonsense',
    'audio/'
  ])
    t.notOk(inline(type), type)
  t.notOk(inline('image/png', true), 'a download if that is asked for')
})

t.test(
  'the name: the captured one, made harmless, in ASCII and exactly; or one of our own',
  async (t) => {
    const name = (filename: string): string =>
      contentDisposition({ state: 'stored', sha256, mimetype: 'application/pdf', filename }, false)
    t.equal(name('plan.pdf'), 'attachment; filename="plan.pdf"')
    t.equal(
      name('Cotización (final).pdf'),
      `attachment; filename="Cotizacion (final).pdf"; filename*=UTF-8''Cotizaci%C3%B3n%20%28final%29.pdf`
    )
    t.equal(name("it's *new*.pdf"), `attachment; filename="it's _new_.pdf"`)
    t.equal(name('../../etc/passwd'), 'attachment; filename="_.._etc_passwd"')
    t.equal(name('C:\\Users\\x.pdf'), 'attachment; filename="C__Users_x.pdf"')
    t.equal(name('a"; filename="b.exe'), 'attachment; filename="a_; filename=_b.exe"')
    t.equal(name('a\r\nSet-Cookie: x=1'), 'attachment; filename="aSet-Cookie_ x=1"')
    t.equal(
      name('fdp.\u202eexe'),
      'attachment; filename="fdp.exe"',
      'nothing turns the direction of writing'
    )
    for (const empty of ['', '...', ' ', '\u0000'])
      t.equal(name(empty), 'attachment; filename="whatsapp-01234567.pdf"')
    t.equal(
      contentDisposition({ state: 'stored', sha256 }, false),
      'attachment; filename="whatsapp-01234567"'
    )
    t.equal(
      contentDisposition({ state: 'stored', sha256, mimetype: 'audio/ogg; codecs=opus' }, false),
      'inline; filename="whatsapp-01234567.ogg"'
    )
    const long = name(`${'x'.repeat(400)}.pdf`)
    t.equal(long, `attachment; filename="${'x'.repeat(146)}.pdf"`)
  }
)

t.test('whatever the name and type, both are valid headers', async (t) => {
  const text = fc.string({ unit: 'binary', maxLength: 300 })
  fc.assert(
    fc.property(text, text, fc.boolean(), (filename, mimetype, download) => {
      const headers = new Headers({
        a: contentType({ mimetype }),
        b: contentDisposition({ state: 'stored', sha256, filename, mimetype }, download)
      })
      return /^(inline|attachment); filename="[^"\\]+"(; filename\*=UTF-8''[\w!#$&+.^`|~%-]+)?$/.test(
        headers.get('b') ?? ''
      )
    }),
    propertyRuns(t, 500)
  )
  t.match(
    contentDisposition({ state: 'stored', sha256, filename: '\u{11127}' }, false),
    /^attachment; filename="whatsapp-[0-9a-f]{8}"; filename\*=UTF-8''%F0%91%84%A7$/,
    'a name of one accent and no letter'
  )
  t.match(
    contentDisposition({ state: 'stored', sha256, filename: 'a＂; b＼／' }, false),
    /^attachment; filename="a_; b__"; /,
    'quotes and strokes in full width'
  )
  t.doesNotThrow(() =>
    contentDisposition({ state: 'stored', sha256, filename: 'half a \ud800 pair' }, false)
  )
})

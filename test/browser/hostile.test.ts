import { readdirSync, readFileSync } from 'node:fs'
import t from 'tap'
import { ana } from './ana.ts'
import { inPage, openLead, pageTests, see, signIn, textsOf } from './page.ts'
import { event, from, reply, startRig } from './rig.ts'

const pageTest = pageTests(t)

/** What each would do is seen in the page: it sets `window.hit`. */
const attacks = [
  '<img src=x onerror="window.hit=1">',
  '"><svg onload=window.hit=1>',
  "'><script>window.hit=1</script>",
  '<a href="javascript:window.hit=1">x</a>',
  'javascript:window.hit=1',
  '</title><script>window.hit=1</script>',
  '{{constructor.constructor("window.hit=1")()}}',
  '${window.hit=1}',
  '<iframe srcdoc="<script>parent.hit=1</script>">',
  '<style>@import "javascript:window.hit=1"</style>',
  '<math><mi//xlink:href="data:x,<script>window.hit=1</script>">',
  '\u202e<script>window.hit=1</script>',
  '<template><script>window.hit=1</script></template>'
]
const all = attacks.join(' ')

pageTest(
  'names, texts, file names, contacts, places, polls and media of strangers are text: nothing of them runs',
  async (t, open) => {
    const { url, upstream } = await startRig(t)
    const name = `Eva ${attacks[0]}`
    const poll = reply(ana, all, 400, {
      type: 'poll_creation',
      poll: { options: attacks, multiple: true }
    })
    const asked = from(ana, all, 950)
    const stored = { state: 'stored' as const, sha256: 'a'.repeat(64) }
    upstream.journal.append(
      [
        ...attacks.map((body, index) => from(ana, body, 2_000 - index, { name })),
        asked,
        reply(ana, all, 900, { quoted_id: asked.message.id }),
        from(ana, all, 800, {
          type: 'document',
          has_media: true,
          media: { ...stored, mimetype: 'image/svg+xml', filename: `${all}.svg` }
        }),
        from(ana, all, 790, {
          type: 'image',
          has_media: true,
          media: { ...stored, mimetype: 'image/svg+xml', filename: `${attacks[1]}.svg` }
        }),
        from(ana, all, 780, {
          type: 'document',
          has_media: true,
          media: { ...stored, mimetype: 'text/html', filename: 'x.html' }
        }),
        from(ana, all, 770, {
          type: 'image',
          has_media: true,
          media: { state: 'failed', mimetype: all, reason: all }
        }),
        from(ana, '', 700, {
          type: 'location',
          location: { latitude: 19.4, longitude: -99.1, name: all, address: all }
        }),
        from(ana, '', 600, {
          type: 'multi_vcard',
          contacts: attacks.map(
            (attack) =>
              `BEGIN:VCARD\nVERSION:3.0\nFN:${attack}\nitem1.TEL;waid=52:${attack}\nURL:javascript:window.hit=1\nPHOTO;VALUE=uri:javascript:window.hit=1\nEND:VCARD`
          )
        }),
        from(ana, all, 500, { type: `chat${attacks[1]}` }),
        poll,
        from(ana, 'the last one', 100)
      ],
      'live'
    )
    upstream.journal.append(
      [
        event('reaction', ana, {
          type: 'reaction',
          reaction: { message_id: asked.message.id, emoji: attacks[0], sender: `${ana}@c.us` }
        })
      ],
      'live'
    )
    const page = await open(url)
    await signIn(page)
    await openLead(page, name)
    await see(page, 'the last one', '.message .body')
    t.ok(
      (await textsOf(page, '.message')).some((text) => text.includes(attacks[2] ?? '')),
      'it is all there, as text'
    )
    await page.fill('#lead-note', all)
    await inPage(
      page,
      "document.querySelector('#lead-note').dispatchEvent(new Event('change', { bubbles: true }))"
    )
    t.same(
      await inPage(
        page,
        `[...document.querySelectorAll('#columns *')].flatMap((element) => [
      ...[...element.attributes].filter(({ name, value }) => name.startsWith('on') || /^\\s*(javascript|data:text)/i.test(value) || name === 'srcdoc').map(({ name }) => element.localName + ' ' + name),
      ...(/^(script|iframe|object|embed|style|math|template|base|meta|link)$/.test(element.localName) ? [element.localName] : [])
    ])`
      ),
      [],
      'no element and no attribute comes of it'
    )
    const shown = await inPage<string[]>(
      page,
      "[...document.querySelectorAll('#conversation img, #conversation video, #conversation audio, #conversation a')].map((element) => element.localName + ' ' + (element.getAttribute('src') ?? element.getAttribute('href')))"
    )
    for (const what of shown)
      t.match(
        what,
        /^(img|a) (\/api\/messages\/[^/]+\/media\?account=main|\/api\/leads\/1\/bundle$|#\/|https:\/\/(web\.whatsapp\.com|www\.openstreetmap\.org)\/)/,
        what.slice(0, 60)
      )
    t.equal(await inPage(page, 'window.hit'), undefined, 'nothing ran')
  }
)

t.test('no script of the page makes elements, or code, of text', async (t) => {
  const directory = new URL('../../src/central-hub/console/', import.meta.url)
  for (const name of readdirSync(directory).filter((file) => file.endsWith('.js'))) {
    const text = readFileSync(new URL(name, directory), 'utf8')
    t.notMatch(
      text,
      /\b(innerHTML|outerHTML|insertAdjacentHTML|setHTML\w*|createContextualFragment|srcdoc|DOMParser|eval)\b|execCommand\((?!'copy'\))|document\.write|new Function\b|setTimeout\(\s*['"`]/,
      name
    )
  }
})

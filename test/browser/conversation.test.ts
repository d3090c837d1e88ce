import t from 'tap'
import type { Page } from 'playwright-core'
import { apiToken, ask } from '../end-to-end/daemon.ts'
import { ana, withAna } from './ana.ts'
import {
  accessible,
  inPage,
  names,
  openLead,
  pageTests,
  see,
  signIn,
  textsOf,
  until
} from './page.ts'
import { event, from, reply, startRig } from './rig.ts'

const pageTest = pageTests(t)
const replyLink = (page: Page): Promise<Record<string, string>> =>
  inPage(
    page,
    "(({ href, target, rel }) => ({ href, target, rel }))(document.querySelector('#reply'))"
  )

pageTest('a conversation: every kind of message as text, whatever it holds', async (t, open) => {
  const { url, upstream } = await startRig(t)
  const hostile = '<img src=x onerror="document.title=1"><script>document.title=2</script>'
  const asked = from(ana, 'how much is it?', 900)
  const secret = from(ana, '', 500, { type: 'ciphertext' })
  const poll = reply(ana, 'Which day?', 400, {
    type: 'poll_creation',
    poll: { options: ['Monday', hostile], multiple: false }
  })
  const regretted = from(ana, 'forget this', 300)
  const typo = from(ana, 'helo', 200)
  upstream.journal.append(
    [
      from(ana, hostile, 1_000, { name: '<b>Ana</b>' }),
      asked,
      reply(ana, 'ten', 800, { quoted_id: asked.message.id }),
      from(ana, 'our shop', 700, {
        type: 'image',
        has_media: true,
        media: { state: 'skipped', mimetype: 'image/jpeg', size: 123_456, filename: 'shop.jpg' }
      }),
      from(ana, '', 690, {
        type: 'ptt',
        has_media: true,
        media: { state: 'failed', mimetype: 'audio/ogg', duration: 12, reason: 'gone' }
      }),
      from(ana, '', 600, {
        type: 'location',
        location: { latitude: 19.4, longitude: -99.1, name: 'Zócalo', address: 'Centro' }
      }),
      from(ana, '', 550, {
        type: 'vcard',
        contacts: ['BEGIN:VCARD\nVERSION:3.0\nFN:Luz\\, Sol\nitem1.TEL;waid=52:+52 55\nEND:VCARD']
      }),
      { ...secret, kind: 'ciphertext_failed', key: 'ciphertext_failed:1' },
      poll,
      regretted,
      typo,
      from(ana, '', 100, { type: 'holographic' })
    ],
    'live'
  )
  upstream.journal.append(
    [
      event('vote', ana, {
        type: 'poll_vote',
        vote: { message_id: poll.message.id, options: ['Monday'] }
      }),
      event('reaction', ana, {
        type: 'reaction',
        reaction: { message_id: asked.message.id, emoji: '👍', sender: `${ana}@c.us` }
      }),
      {
        kind: 'revoke',
        key: 'revoke:1',
        message: { ...regretted.message, body: '', revoked: { by: 'sender' } }
      },
      {
        kind: 'edit',
        key: 'edit:1',
        message: {
          ...typo.message,
          body: 'hello',
          edited: { at: new Date().toISOString(), previous: 'helo' }
        }
      }
    ],
    'live'
  )
  const page = await open(url)
  await signIn(page)
  await openLead(page, '<b>Ana</b>')
  await see(page, /holographic/, '.message')
  const shown = await textsOf(page, '.message')
  t.ok(shown[0]?.includes(hostile), 'markup is text')
  t.notOk(
    await inPage(
      page,
      "document.querySelector('#inbox img, #conversation img, #columns script, #columns b')"
    ),
    'nothing of it became an element'
  )
  t.match(shown[1], /how much is it\?.*👍/s)
  t.match(shown[2], /^You:.*how much is it\?.*ten/s)
  t.match(shown[3], /Photo · shop\.jpg · 123\.5 kB · too large to keep.*our shop/s)
  t.match(shown[4], /Voice message · 12s · could not be fetched: see it on the phone/)
  t.match(shown[5], /Location · Zócalo · Centro.*19\.4, -99\.1/s)
  t.match(shown[6], /Contact · Luz, Sol · \+52 55/)
  t.match(shown[7], /could not decrypt this message: read it on the phone/)
  t.match(shown[8], /Poll: Which day\?.*Monday.*1 vote.*<img.*0 votes/s)
  t.match(shown[9], /forget this.*Deleted by its sender/s)
  t.match(shown[10], /hello.*edited/s)
  await page.click('.quote')
  t.match(
    await inPage(page, 'document.activeElement.textContent'),
    /how much is it/,
    'the message answered is gone to'
  )
  t.match(await replyLink(page), {
    href: `https://web.whatsapp.com/send?phone=${ana}`,
    target: '_blank',
    rel: /noopener/
  })
  await accessible(t, page, 'conversation')
})

pageTest(
  'media: an image is shown in place, a document is a download, and what does not come is said',
  async (t, open) => {
    const { url, upstream } = await startRig(t)
    const [picture, gone, paper] = [
      from(ana, 'our shop', 700, {
        type: 'image',
        has_media: true,
        media: { state: 'stored', mimetype: 'image/png' }
      }),
      from(ana, '', 690, {
        type: 'image',
        has_media: true,
        media: { state: 'stored', mimetype: 'image/png' }
      }),
      from(ana, '', 680, {
        type: 'document',
        has_media: true,
        media: { state: 'stored', mimetype: 'text/html', filename: 'prices.html' }
      })
    ]
    const [voice, film] = [
      from(ana, '', 670, {
        type: 'ptt',
        has_media: true,
        media: { state: 'stored', mimetype: 'audio/ogg', duration: 5 }
      }),
      from(ana, '', 660, {
        type: 'video',
        has_media: true,
        media: { state: 'stored', mimetype: 'video/mp4' }
      })
    ]
    upstream.journal.append([picture, gone, paper, voice, film], 'live')
    const page = await open(url)
    const pixel = Buffer.from(
      'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
      'base64'
    )
    const at = (id: string): string => `/api/messages/${encodeURIComponent(id)}/media?account=main`
    await page.route(`**${at(picture.message.id)}`, (route) =>
      route.fulfill({ contentType: 'image/png', body: pixel })
    )
    for (const { message } of [voice, film])
      await page.route(`**${at(message.id)}`, (route) =>
        route.fulfill({ contentType: message.media?.mimetype ?? '', body: '' })
      )
    await page.route(`**${at(gone.message.id)}`, (route) =>
      route.fulfill({ status: 410, contentType: 'application/problem+json', body: '{}' })
    )
    await signIn(page)
    await openLead(page, '+52 55 1111 1111')
    await until(page, "document.querySelector('img.picture')?.naturalWidth === 1")
    t.equal(await inPage(page, "document.querySelector('img.picture').alt"), 'Photo')
    await see(page, /^It could not be shown here\. Download/, '.media')
    const link = await inPage<Record<string, string>>(
      page,
      "(({ pathname, search, download }) => ({ pathname, search, download }))([...document.querySelectorAll('.download')].find(({ download }) => download === 'prices.html'))"
    )
    t.same(
      link,
      {
        pathname: `/api/messages/${encodeURIComponent(paper.message.id)}/media`,
        search: '?account=main&download=true',
        download: 'prices.html'
      },
      'what could run in the page is only a download'
    )
    t.equal(await inPage(page, "document.querySelectorAll('.message').length"), 5)
    await accessible(t, page, 'media')
  }
)

pageTest(
  'two leads that turn out to be one person become one, also while one of them is open; until then it is said how to answer',
  async (t, open) => {
    const { url, upstream } = await startRig(t)
    const lid = '998877@lid'
    const { phone: _phone, ...unknown } = from('998877', 'who am I?', 60, {
      name: 'Ana',
      lid,
      chat_id: lid,
      from: lid
    }).message
    upstream.journal.append(
      [
        from(ana, 'hello', 90, { name: 'Ana M' }),
        { kind: 'message', key: 'message:lid', message: unknown }
      ],
      'live'
    )
    const page = await open(url)
    await signIn(page)
    await openLead(page, 'Ana')
    await see(
      page,
      /WhatsApp has not told this person’s number\. .* look for “Ana” in the list of chats/
    )
    t.match(await replyLink(page), { href: 'https://web.whatsapp.com/' })
    await page.fill('#lead-note', 'probably Ana M')
    upstream.journal.append([from(ana, 'it is me', 0, { name: 'Ana M', lid })], 'live')
    await see(page, 'it is me', '.message .body')
    await see(page, 'who am I?', '.message .body')
    t.same(await names(page), ['Ana M'])
    t.match(await replyLink(page), { href: `https://web.whatsapp.com/send?phone=${ana}` })
    await until(page, "document.querySelector('#lead-note').value === 'probably Ana M'")
  }
)

pageTest(
  'a lead deleted elsewhere while it is open: the page says so and shows the list',
  async (t, open) => {
    const { url, page } = await withAna(t, open)
    const id = await inPage<string>(page, "location.hash.split('/')[2]")
    await ask(`${url}/api/leads/${id}`, apiToken, { method: 'DELETE' })
    await see(page, 'This lead was deleted.', '[role=status]')
    await see(page, 'No leads yet. Whoever writes to your WhatsApp appears here at once.')
  }
)

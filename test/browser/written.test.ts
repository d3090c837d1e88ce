import fc from 'fast-check'
import t from 'tap'
import { ana } from './ana.ts'
import { accessible, inPage, openLead, pageTests, see, signIn, until } from './page.ts'
import { eventually, from, startRig } from './rig.ts'

const pageTest = pageTests(t)

/** What of messages may be an element; whatever else is in the page was not made for a text. */
const allowed = ['A', 'BDI', 'BLOCKQUOTE', 'CODE', 'EM', 'LI', 'OL', 'P', 'S', 'STRONG', 'UL']

/** Puts the marks back to what each message shows, by message id. */
const written = `(() => {
  const inline = (node) => {
    if (node.nodeType === Node.TEXT_NODE) return node.data
    const mark = node.matches('strong, em, s, code') ? node.dataset.mark : ''
    return mark + [...node.childNodes].map(inline).join('') + mark
  }
  const lines = (block) => {
    if (block.matches('ul, ol')) return [...block.children].map((item) => item.dataset.mark + inline(item)).join('\\n')
    const mark = block.matches('blockquote') ? block.dataset.mark : ''
    return inline(block).split('\\n').map((line) => mark + line).join('\\n')
  }
  const text = (body) => body.matches('div') ? [...body.children].map(lines).join('\\n') : inline(body)
  return Object.fromEntries([...document.querySelectorAll('.message')].map((message) => [message.dataset.id, text(message.querySelector('.body'))]))
})()`

const piece = fc.constantFrom(
  '*',
  '_',
  '~',
  '`',
  '```',
  '\n',
  ' ',
  '> ',
  '- ',
  '1. ',
  'a',
  'ñ',
  '7',
  '.',
  '(',
  '😀',
  '\u202e',
  '\u200d',
  'https://',
  'www.',
  'example.com',
  'javascript:',
  '@',
  '/',
  'аpple.com',
  '<b>',
  '<script>',
  '&amp;',
  '"'
)
const anyText = fc
  .array(piece, { minLength: 1, maxLength: 40 })
  .map((parts) => parts.join(''))
  .filter((text) => text.trim() !== '' && !/^```|```$/.test(text))

pageTest(
  'whatever was written: what is shown and the marks are the text again, and no other element comes of it',
  async (t, open) => {
    const { url, upstream } = await startRig(t)
    const texts = fc.sample(anyText, { numRuns: 45, seed: 20_261_130 })
    const messages = texts.map((body, n) => from(ana, body, 900 - n, { name: 'Ana' }))
    upstream.journal.append(messages, 'live')
    const page = await open(url)
    await signIn(page)
    await openLead(page, 'Ana')
    await until(page, `document.querySelectorAll('.message').length === ${texts.length}`)

    const shown = await inPage<Record<string, string>>(page, written)
    t.same(
      messages.map(({ message }) => shown[message.id]),
      texts
    )
    const elements = await inPage<string[]>(
      page,
      "[...new Set([...document.querySelectorAll('.body *')].map(({ tagName }) => tagName))]"
    )
    t.same(
      elements.filter((name) => !allowed.includes(name)),
      []
    )
    const links = await inPage<Record<string, string>[]>(
      page,
      "[...document.querySelectorAll('.body a')].map(({ href, target, rel }) => ({ href, target, rel }))"
    )
    t.ok(
      links.length > 0 &&
        links.every(
          ({ href = '', target, rel }) =>
            /^https?:/.test(href) && target === '_blank' && rel === 'noopener noreferrer'
        )
    )
    await accessible(t, page, 'texts with marks')
  }
)

pageTest(
  'links, bold, lists and quotes show as in WhatsApp, and where a link leads is said',
  async (t, open) => {
    const { url, upstream } = await startRig(t)
    upstream.journal.append(
      [
        from(ana, '*Hola*, ¿cuánto cuesta _esta_? ~ayer $100~ https://example.com/camioneta', 90, {
          name: 'Ana'
        }),
        from(ana, 'Quiero:\n- una roja\n- dos *azules*\n1. hoy\n> lo que dijiste', 80),
        from(ana, 'https://аpple.com/gratis', 70),
        from(ana, '\u202eel precio https://example.com/a', 60)
      ],
      'live'
    )
    const page = await open(url)
    await signIn(page)
    await openLead(page, 'Ana')
    await see(page, 'Hola', '.message strong')
    t.same(
      await inPage(
        page,
        "[...document.querySelectorAll('.message ul.written li, .message ol.written li, .message blockquote')].map(({ textContent }) => textContent)"
      ),
      ['una roja', 'dos azules', 'hoy', 'lo que dijiste']
    )
    t.equal(
      await inPage(page, "getComputedStyle(document.querySelector('.message strong')).fontWeight"),
      '700'
    )
    t.match(
      await inPage(
        page,
        "getComputedStyle(document.querySelector('a[data-host]'), '::after').content"
      ),
      /xn--pple-43d\.com/,
      'letters of another script do not hide where it leads'
    )
    t.equal(
      await inPage(page, "getComputedStyle(document.querySelector('.body a bdi')).unicodeBidi"),
      'isolate',
      'nor does the direction of reading'
    )
  }
)

pageTest(
  'the text of a message is copied by button and by keyboard, with its marks',
  async (t, open) => {
    const { url, upstream } = await startRig(t)
    upstream.journal.append(
      [from(ana, '*first*', 90, { name: 'Ana' }), from(ana, 'second', 80)],
      'live'
    )
    const page = await open(url)
    await page.context().grantPermissions(['clipboard-read', 'clipboard-write'])
    await signIn(page)
    await openLead(page, 'Ana')
    await see(page, 'second', '.message .body')

    await page.hover('.message')
    await page.click('.message .copy')
    await see(page, 'Copied.', '#announcer')
    t.equal(await inPage(page, 'navigator.clipboard.readText()'), '*first*')

    await page.focus('#messages')
    await page.keyboard.press('Tab')
    t.match(
      await inPage(page, 'document.activeElement.textContent'),
      /first/,
      'Tab leads to the message that was used last'
    )
    await page.keyboard.press('ArrowDown')
    t.match(await inPage(page, 'document.activeElement.textContent'), /second/)
    await page.keyboard.press('c')
    await eventually(
      () => inPage(page, 'navigator.clipboard.readText()'),
      (text) => text === 'second'
    )
    await page.keyboard.press('Tab')
    t.equal(await inPage(page, 'document.activeElement.className'), 'copy')
    await page.keyboard.press('ArrowUp')
    await accessible(t, page, 'a message that has the focus')
  }
)

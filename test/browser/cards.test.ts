import t from 'tap'
import { ana } from './ana.ts'
import { accessible, inPage, openLead, pageTests, see, signIn, textsOf, until } from './page.ts'
import { from, reply, startRig } from './rig.ts'

const pageTest = pageTests(t)

const ad = { title: 'Two nights for one', url: 'https://fb.me/1a2b', id: '1202', app: 'facebook' }

/** One of each kind, the oldest first. */
const conversation = () => {
  const album = from(ana, '', 990, { type: 'album', album: { images: 2, videos: 1 } })
  return [
    from(ana, 'Hola', 1_000, { name: 'Ana', ad }),
    album,
    from(ana, '', 980, {
      type: 'image',
      has_media: true,
      media: { state: 'skipped', mimetype: 'image/jpeg' },
      album_id: album.message.id
    }),
    from(ana, 'I want this', 970, {
      type: 'order',
      order: { title: 'Rooms', items: 2, amount1000: 1_500_000, currency: 'MXN' }
    }),
    from(ana, '', 960, {
      type: 'product',
      product: { title: 'Suite', amount1000: 99_500, currency: 'USD', url: 'javascript:alert(1)' }
    }),
    reply(ana, '', 950, {
      type: 'payment',
      payment: { amount1000: 20_000, currency: 'EUR', note: 'deposit', status: 'paid' }
    }),
    reply(ana, 'Choose', 940, {
      type: 'list',
      interactive: {
        title: 'Rooms',
        button: 'Open',
        choices: [{ text: 'Single' }, { text: 'Site', url: 'https://example.com/x' }]
      }
    }),
    from(ana, 'Single', 930, { type: 'list_response', selected: 'r1' }),
    from(ana, '', 920, {
      type: 'event_creation',
      event: { name: 'Visit', place: 'Lobby', canceled: true }
    }),
    from(ana, '', 910, { type: 'groups_v4_invite', group_invite: { name: 'Guests' } }),
    from(ana, '', 900, { type: 'call_log', call: { outcome: 'missed', video: true } }),
    reply(ana, '', 890, {
      type: 'call_log',
      call: { outcome: 'answered', video: false, seconds: 185 }
    }),
    from(ana, '', 880, { type: 'ciphertext', phone_only: 'view_once' }),
    from(ana, '', 870, {
      type: 'location',
      location: { latitude: 1, longitude: 2, name: 'Zócalo', live: true }
    }),
    from(ana, 'bye', 860, { bot: true }),
    from(ana, 'Which day?', 850, {
      type: 'poll_result_snapshot',
      poll_results: [
        { option: 'Monday', votes: 3 },
        { option: 'Friday', votes: 1 }
      ]
    }),
    from(ana, '', 840, { type: 'hologram' })
  ]
}

const english = [
  /From an ad · Two nights for one · facebook.*Hola/s,
  /2 photos, 1 video/,
  /Photo · too large/,
  /Order · Rooms · 2 items · MX\$1,500\.00.*I want this/s,
  /Product · Suite · US\$99\.50.*javascript:alert/s,
  /Payment · €20\.00 · paid.*deposit/s,
  /Rooms.*Choose.*Open.*Single.*Site https:\/\/example\.com\/x/s,
  /Chose.*Single/s,
  /Event · Visit · canceled.*Lobby/s,
  /Invitation to the group Guests/,
  /Missed video call/,
  /Call · 3 min/,
  /To be seen once: open it on the phone/,
  /Live location · Zócalo/,
  /Automatic answer.*bye/s,
  /hologram/
]
const spanish = [
  /De un anuncio · Two nights/,
  /2 fotos, 1 vídeo/,
  /Foto/,
  /Pedido · Rooms · 2 artículos · .*1[,.]500[,.]00/,
  /Producto · Suite/,
  /Pago · .*20[,.]00.*deposit/s,
  /Choose/,
  /Eligió/,
  /Evento · Visit · cancelado/,
  /Invitación al grupo Guests/,
  /Videollamada perdida/,
  /Llamada · 3 min/,
  /Para ver una sola vez: ábrelo en el teléfono/,
  /Ubicación en vivo · Zócalo/,
  /Respuesta automática/,
  /hologram/
]

const portuguese = [
  /De um anúncio · Two nights/,
  /2 fotos, 1 vídeo/,
  /Foto · grande demais/,
  /Pedido · Rooms · 2 itens · MX\$\s1\.500,00/,
  /Produto · Suite · US\$\s99,50/,
  /Pagamento · €\s20,00 · paid.*deposit/s,
  /Choose/,
  /Escolheu/,
  /Evento · Visit · cancelado/,
  /Convite para o grupo Guests/,
  /Ligação de vídeo perdida/,
  /Ligação · 3 min/,
  /Visualização única: abra no celular/,
  /Localização em tempo real · Zócalo/,
  /Resposta automática/,
  /hologram/
]

for (const [language, expected, notice, last] of [
  [
    'en-GB',
    english,
    /Result of a poll · Monday · Which day\?/,
    /Message of another kind \(hologram\)/
  ],
  ['es-MX', spanish, /Resultado de una encuesta · Monday/, /Mensaje de otro tipo \(hologram\)/],
  ['pt-BR', portuguese, /Resultado de uma enquete · Monday/, /Mensagem de outro tipo \(hologram\)/]
] as const) {
  pageTest(`each kind of message is a card that says what it is: ${language}`, async (t, open) => {
    const { url, upstream } = await startRig(t)
    upstream.journal.append(conversation(), 'live')
    const page = await open(url, { language })
    await signIn(page)
    await openLead(page, 'Ana')
    await see(page, /hologram/, '.message')
    const shown = await textsOf(page, '.message')
    t.equal(shown.length, expected.length)
    for (const [at, words] of expected.entries()) t.match(shown[at], words)
    t.match((await textsOf(page, '.notice')).join('\n'), notice)
    t.match((await textsOf(page, '#inbox .excerpt')).join('\n'), last)
    t.match((await textsOf(page, '#lead-facts')).join('\n'), /Two nights for one · facebook/)
    t.same(
      await inPage(
        page,
        "[...document.querySelectorAll('.message a')].filter(({ href }) => !/^https?:/.test(href)).map(({ href }) => href)"
      ),
      [],
      'no link runs anything'
    )
    await accessible(t, page, 'cards')
  })
}

pageTest(
  'the list says in one line what was sent last, and keeps to leads from an ad; the figures count ads',
  async (t, open) => {
    const { url, upstream } = await startRig(t)
    const others = ['5215511111112', '5215511111113', '5215511111114', '5215511111115'] as const
    upstream.journal.append(
      [
        from(ana, '', 100, {
          name: 'Ana',
          type: 'order',
          order: { title: 'Rooms', items: 1, amount1000: 500, currency: 'USD' },
          ad
        }),
        from(others[0], '', 90, {
          type: 'vcard',
          contacts: ['BEGIN:VCARD\nFN:Luz Sol\nEND:VCARD']
        }),
        from(others[1], '', 80, {
          type: 'document',
          has_media: true,
          media: { state: 'skipped', filename: 'plan.pdf' }
        }),
        from(others[2], 'x', 70, {
          type: 'location',
          body: '',
          location: { latitude: 1, longitude: 2, name: 'Dock 4' }
        }),
        from(others[3], '', 60, { type: 'call_log', call: { outcome: 'missed', video: false } })
      ],
      'live'
    )
    const page = await open(url)
    await signIn(page)
    for (const words of [
      'Order · Rooms · 1 item · US$0.50',
      'Contact · Luz Sol',
      'Document · plan.pdf',
      'Location · Dock 4',
      'Missed call'
    ])
      await see(page, words, '#inbox .excerpt')
    await page.click('#filter-toggle')
    await page.selectOption('#source-filter', 'ad')
    await until(page, "document.querySelectorAll('#inbox .row').length === 1")
    t.same(await textsOf(page, '#inbox .name'), ['Ana'])
    await page.goto(`${url}/#/figures`)
    await see(page, /Leads by ad.*Two nights for one · facebook.*1/s, '#figures-body .card')
  }
)

import t from 'tap'
import {
  callLength,
  describeCall,
  money,
  summarize,
  type Summarised
} from '../../../src/central-hub/console/summary.js'
import en from '../../../src/central-hub/console/en.json' with { type: 'json' }
import es from '../../../src/central-hub/console/es.json' with { type: 'json' }
import pt from '../../../src/central-hub/console/pt.json' with { type: 'json' }

/** One line for each kind of message, in English and Spanish, and some in Portuguese. */

const of = (type: string, facts: Partial<Summarised> = {}): Summarised => ({
  type,
  body: '',
  from_me: false,
  ...facts
})

const cases: [Summarised, string, string][] = [
  [of('chat', { body: 'hola' }), 'hola', 'hola'],
  [of('chat', { body: 'hola', ad: { title: 'Sale' } }), 'hola', 'hola'],
  [of('chat', { ad: { title: 'Sale' } }), 'From an ad · Sale', 'De un anuncio · Sale'],
  [
    of('order', {
      body: 'this',
      order: { title: 'Shoes', items: 2, amount1000: 1_500_000, currency: 'EUR' }
    }),
    'Order · Shoes · 2 items · €1,500.00 · this',
    'Pedido · Shoes · 2 artículos · 1500,00 € · this'
  ],
  [of('order', { order: {} }), 'Order', 'Pedido'],
  [
    of('product', { product: { title: 'Hat', amount1000: 99, currency: 'x1' } }),
    'Product · Hat · 0.099 x1',
    'Producto · Hat · 0,099 x1'
  ],
  [
    of('payment', { payment: { amount1000: 0, note: 'paid' } }),
    'Payment · 0 · paid',
    'Pago · 0 · paid'
  ],
  [of('image', { body: 'look' }), 'Photo · look', 'Foto · look'],
  [of('document', { filename: 'a.pdf' }), 'Document · a.pdf', 'Documento · a.pdf'],
  [of('vcard', { contact_names: ['Luz', 'Sol'] }), 'Contact · Luz, Sol', 'Contacto · Luz, Sol'],
  [of('vcard'), 'Contact', 'Contacto'],
  [
    of('location', { location: { latitude: 1, longitude: 2, name: 'Dock' } }),
    'Location · Dock',
    'Ubicación · Dock'
  ],
  [
    of('location', { location: { latitude: 1, longitude: 2, live: true } }),
    'Live location',
    'Ubicación en vivo'
  ],
  [of('poll_creation', { body: 'Day?' }), 'Poll · Day?', 'Encuesta · Day?'],
  [
    of('poll_result_snapshot', {
      body: 'Day?',
      poll_results: [
        { option: 'Mon', votes: 2 },
        { option: 'Tue', votes: 0 }
      ]
    }),
    'Result of a poll · Mon · Day?',
    'Resultado de una encuesta · Mon · Day?'
  ],
  [of('list_response', { body: 'Single', selected: 'r1' }), 'Chose · Single', 'Eligió · Single'],
  [of('interactive', { interactive: { title: 'Rooms' } }), 'Rooms', 'Rooms'],
  [of('interactive'), 'Message with choices', 'Mensaje con opciones'],
  [
    of('event_creation', { body: 'Visit', event: { name: 'Visit', canceled: true } }),
    'Event · Visit · canceled',
    'Evento · Visit · cancelado'
  ],
  [
    of('groups_v4_invite', { group_invite: { name: 'Team' } }),
    'Invitation to the group Team',
    'Invitación al grupo Team'
  ],
  [of('groups_v4_invite', { group_invite: {} }), 'Invitation to a group', 'Invitación a un grupo'],
  [of('call_log', { call: { outcome: 'missed', video: false } }), 'Missed call', 'Llamada perdida'],
  [
    of('call_log', { call: { outcome: 'rejected', video: true } }),
    'Declined video call',
    'Videollamada rechazada'
  ],
  [
    of('call_log', { from_me: true, call: { outcome: 'canceled', video: false } }),
    'Your call was not answered',
    'Tu llamada no fue contestada'
  ],
  [
    of('call_log', { call: { outcome: 'answered', video: false, seconds: 45 } }),
    'Call · 45 sec',
    'Llamada · 45 s'
  ],
  [of('album', { album: { images: 1, videos: 2 } }), '1 photo, 2 videos', '1 foto, 2 vídeos'],
  [
    of('ciphertext', { phone_only: 'view_once', decryption: 'pending' }),
    'To be seen once: open it on the phone',
    'Para ver una sola vez: ábrelo en el teléfono'
  ],
  [
    of('ciphertext', { decryption: 'pending' }),
    'WhatsApp has not decrypted this message yet.',
    'WhatsApp todavía no ha descifrado este mensaje.'
  ],
  [of('chat', { bot: true, body: 'hi' }), 'Automatic answer · hi', 'Respuesta automática · hi'],
  [of('revoked'), 'Deleted message', 'Mensaje eliminado'],
  [of('hologram'), 'Message of another kind (hologram)', 'Mensaje de otro tipo (hologram)']
]

t.test('every kind of message has one line that says what it is', async (t) => {
  for (const [message, inEnglish, inSpanish] of cases) {
    t.equal(summarize(message, en, 'en'), inEnglish)
    // a currency's sign is apart by a space that does not break
    t.equal(summarize(message, es, 'es-ES').replaceAll('\u00a0', ' '), inSpanish)
  }
})

t.test('what has a number is written in Portuguese as a Brazilian has it', async (t) => {
  const inPortuguese = (message: Summarised): string =>
    summarize(message, pt, 'pt-BR').replaceAll('\u00a0', ' ')

  t.equal(
    inPortuguese(
      of('order', { order: { title: 'Tênis', items: 1, amount1000: 1_500_000, currency: 'BRL' } })
    ),
    'Pedido · Tênis · 1 item · R$ 1.500,00'
  )
  t.equal(inPortuguese(of('album', { album: { images: 2, videos: 1 } })), '2 fotos, 1 vídeo')
  t.equal(
    inPortuguese(of('call_log', { call: { outcome: 'missed', video: true } })),
    'Ligação de vídeo perdida'
  )
})

t.test(
  'a call is described by its outcome, whose it was, and whether it had a picture',
  async (t) => {
    const outcomes = ['answered', 'unknown', 'missed', 'rejected'] as const
    const described = [false, true].flatMap((mine) =>
      [false, true].flatMap((video) =>
        outcomes.map((outcome) => describeCall({ outcome, video }, mine, en))
      )
    )

    t.same(described, [
      ...['Call', 'Incoming call', 'Missed call', 'Declined call'],
      ...['Video call', 'Incoming video call', 'Missed video call', 'Declined video call'],
      ...['Call', ...Array.from({ length: 3 }, () => 'Your call was not answered')],
      ...['Video call', ...Array.from({ length: 3 }, () => 'Your video call was not answered')]
    ])
  }
)

t.test('amounts and lengths are written as the locale has them', async (t) => {
  t.equal(money({}, 'en'), undefined)
  t.equal(money({ amount1000: 1_234_500, currency: 'JPY' }, 'en'), '¥1,235')
  t.equal(money({ amount1000: 1_500 }, 'en'), '1.5')
  t.equal(callLength(60, 'en'), '1 min')
})

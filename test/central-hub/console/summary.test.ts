import t from 'tap'
import {
  callLength,
  money,
  summarize,
  type Summarised
} from '../../../src/central-hub/console/summary.js'
import { english, spanish } from '../../../src/central-hub/console/words.js'

/** One line for each kind of message, in both languages. */

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
  [of('groups_v4_invite', { group_invite: {} }), 'Invitation to the group', 'Invitación al grupo'],
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
    t.equal(summarize(message, english, 'en'), inEnglish)
    // a currency's sign is apart by a space that does not break
    t.equal(summarize(message, spanish, 'es-ES').replaceAll('\u00a0', ' '), inSpanish)
  }
})

t.test('amounts and lengths are written as the locale has them', async (t) => {
  t.equal(money({}, 'en'), undefined)
  t.equal(money({ amount1000: 1_234_500, currency: 'JPY' }, 'en'), '¥1,235')
  t.equal(money({ amount1000: 1_500 }, 'en'), '1.5')
  t.equal(callLength(60, 'en'), '1 min')
})

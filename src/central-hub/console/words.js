/**
 * What a message is called in one line, in each language: for the operator page, and in English for
 * the terminal.
 */

/** @param {number | undefined} n @param {string} one @param {string} many */
const some = (n, one, many) => (n === undefined || n === 0 ? '' : `${n} ${n === 1 ? one : many}`)

/** @typedef {{ outcome: string, video: boolean }} CallKind */

export const english = {
  kinds: {
    image: 'Photo',
    video: 'Video',
    gif: 'GIF',
    ptt: 'Voice message',
    audio: 'Audio',
    document: 'Document',
    sticker: 'Sticker',
    ptv: 'Video message',
    'sticker-pack': 'Stickers',
    interactive: 'Message with choices',
    list: 'List to choose from',
    buttons: 'Message with buttons',
    hsm: 'Message from a template',
    native_flow: 'Message with choices',
    request_phone_number: 'Asks for your phone number',
    comment: 'Comment',
    rich_response: 'Answer of an assistant',
    newsletter_admin_invite: 'Invitation to a channel',
    newsletter_follower_invite: 'Invitation to a channel',
    revoked: 'Deleted message',
    order: 'Order',
    product: 'Product',
    payment: 'Payment',
    album: 'Album',
    call_log: 'Call',
    event_creation: 'Event',
    groups_v4_invite: 'Invitation to a group'
  },
  order: 'Order',
  product: 'Product',
  payment: 'Payment',
  event: 'Event',
  canceled: 'canceled',
  items: (/** @type {number} */ n) => some(n, 'item', 'items'),
  location: 'Location',
  liveLocation: 'Live location',
  contact: 'Contact',
  poll: 'Poll',
  pollResult: 'Result of a poll',
  votes: (/** @type {number} */ n) => `${n} ${n === 1 ? 'vote' : 'votes'}`,
  groupInvite: (/** @type {string} */ name) => `Invitation to the group ${name}`.trim(),
  album: (/** @type {number} */ images, /** @type {number} */ videos) =>
    [some(images, 'photo', 'photos'), some(videos, 'video', 'videos')].filter(Boolean).join(', ') ||
    'Several photos',
  chose: 'Chose',
  automatic: 'Automatic answer',
  groupStatus: 'Status in the group',
  ad: 'From an ad',
  deleted: 'Deleted message',
  phoneOnly: {
    view_once: 'To be seen once: open it on the phone',
    hosted: 'Read it on the phone: WhatsApp shows it there only',
    bot: 'Answer of an assistant: read it on the phone',
    placeholder: 'Read it on the phone: WhatsApp shows it there only',
    oversized: 'Too large for WhatsApp Web: open it on the phone'
  },
  undecryptedPending: 'WhatsApp has not decrypted this message yet.',
  undecryptedFailed: 'WhatsApp could not decrypt this message: read it on the phone.',
  call: (/** @type {CallKind} */ { outcome, video }, /** @type {boolean} */ mine) => {
    const what = video ? 'video call' : 'call'
    if (outcome === 'answered') return video ? 'Video call' : 'Call'
    if (mine) return `Your ${what} was not answered`
    if (outcome === 'rejected') return `Declined ${what}`
    return outcome === 'unknown' ? `Incoming ${what}` : `Missed ${what}`
  },
  unknown: (/** @type {string} */ type) => `Message of another kind (${type})`
}

/** @type {typeof english} */
export const spanish = {
  kinds: {
    image: 'Foto',
    video: 'Vídeo',
    gif: 'GIF',
    ptt: 'Mensaje de voz',
    audio: 'Audio',
    document: 'Documento',
    sticker: 'Sticker',
    ptv: 'Videomensaje',
    'sticker-pack': 'Stickers',
    interactive: 'Mensaje con opciones',
    list: 'Lista para elegir',
    buttons: 'Mensaje con botones',
    hsm: 'Mensaje de una plantilla',
    native_flow: 'Mensaje con opciones',
    request_phone_number: 'Pide tu número de teléfono',
    comment: 'Comentario',
    rich_response: 'Respuesta de un asistente',
    newsletter_admin_invite: 'Invitación a un canal',
    newsletter_follower_invite: 'Invitación a un canal',
    revoked: 'Mensaje eliminado',
    order: 'Pedido',
    product: 'Producto',
    payment: 'Pago',
    album: 'Álbum',
    call_log: 'Llamada',
    event_creation: 'Evento',
    groups_v4_invite: 'Invitación a un grupo'
  },
  order: 'Pedido',
  product: 'Producto',
  payment: 'Pago',
  event: 'Evento',
  canceled: 'cancelado',
  items: (n) => some(n, 'artículo', 'artículos'),
  location: 'Ubicación',
  liveLocation: 'Ubicación en vivo',
  contact: 'Contacto',
  poll: 'Encuesta',
  pollResult: 'Resultado de una encuesta',
  votes: (n) => `${n} ${n === 1 ? 'voto' : 'votos'}`,
  groupInvite: (name) => `Invitación al grupo ${name}`.trim(),
  album: (images, videos) =>
    [some(images, 'foto', 'fotos'), some(videos, 'vídeo', 'vídeos')].filter(Boolean).join(', ') ||
    'Varias fotos',
  chose: 'Eligió',
  automatic: 'Respuesta automática',
  groupStatus: 'Estado en el grupo',
  ad: 'De un anuncio',
  deleted: 'Mensaje eliminado',
  phoneOnly: {
    view_once: 'Para ver una sola vez: ábrelo en el teléfono',
    hosted: 'Léelo en el teléfono: WhatsApp solo lo muestra ahí',
    bot: 'Respuesta de un asistente: léela en el teléfono',
    placeholder: 'Léelo en el teléfono: WhatsApp solo lo muestra ahí',
    oversized: 'Demasiado grande para WhatsApp Web: ábrelo en el teléfono'
  },
  undecryptedPending: 'WhatsApp todavía no ha descifrado este mensaje.',
  undecryptedFailed: 'WhatsApp no pudo descifrar este mensaje: léelo en el teléfono.',
  call: ({ outcome, video }, mine) => {
    const what = video ? 'videollamada' : 'llamada'
    if (outcome === 'answered') return video ? 'Videollamada' : 'Llamada'
    if (mine) return `Tu ${what} no fue contestada`
    if (outcome === 'rejected') return `${video ? 'Videollamada' : 'Llamada'} rechazada`
    return outcome === 'unknown'
      ? `${video ? 'Videollamada' : 'Llamada'} entrante`
      : `${video ? 'Videollamada' : 'Llamada'} perdida`
  },
  unknown: (type) => `Mensaje de otro tipo (${type})`
}

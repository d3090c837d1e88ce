/** What the page says, in English and Spanish, and how it writes times. */

/** @param {number} n @param {string} one @param {string} many */
const count = (n, one, many) => `${n} ${n === 1 ? one : many}`

const en = {
  connecting: 'Connecting…', language: 'Language', signIn: 'Sign in', signOut: 'Sign out', token: 'Access token',
  tokenHint: 'The value of HUB_API_TOKEN in central-hub.env on the server.',
  signInWrong: 'That is not the access token.', signedOut: 'You were signed out. Sign in to go on: what you typed is kept.',
  tryAgain: 'Try again', cancel: 'Cancel', back: 'Back to the list', loading: 'Loading…',
  lost: 'The connection to LeadMaster is lost. It is being tried again; what you type is kept.',
  noAnswer: 'LeadMaster does not answer.', failed: 'That did not work.', notFound: 'It is not there (any more).', tooLong: 'The text is too long.',
  unreachable: 'session-manager, the service that listens to WhatsApp, cannot be reached.',
  strange: 'What answers in the place of session-manager is not usable.', refused: 'That is not allowed.',
  leads: 'Leads', search: 'Search leads', searchHint: 'Name or phone', stateFilter: 'Which leads',
  active: 'Not ignored', all: 'All', waiting: 'Waiting for an answer', recent: 'Recent', more: 'Load more',
  nobodyWaits: 'Nobody is waiting.', noRecent: 'No other leads.', noMatch: 'No lead matches.',
  noLeads: 'No leads yet. Whoever writes to your WhatsApp appears here at once.',
  waits: (/** @type {string} */ time) => `waiting ${time}`, unknownName: 'Unknown number',
  stateOf: { new: 'New', open: 'Open', won: 'Won', lost: 'Lost', ignored: 'Ignored' },
  chooseLead: 'Choose a lead to read the conversation.', newFrom: (/** @type {string} */ name) => `New message from ${name}`,
  leadForm: 'About this lead', state: 'State', note: 'Note', noteHint: 'Note: only your team sees it', saving: 'Saving…', saved: 'Saved', notSaved: 'Not saved:',
  unsaved: 'Not saved yet', changedElsewhere: 'Someone else changed this note meanwhile. Saving yours replaces theirs:',
  reply: 'Reply in WhatsApp Web', newTab: '(opens a new tab)', replyHint: 'LeadMaster never sends anything. Answer in WhatsApp; your answer then appears here.',
  noPhone: 'WhatsApp has not told the phone number of this person: answer on the phone.',
  messages: 'Messages', older: 'Load older messages', begin: 'The conversation begins here.', noMessages: 'No messages.',
  you: 'You', edited: 'edited', forwarded: 'Forwarded', deletedBySender: 'Deleted by its sender', deletedByMe: 'Deleted on your phone, for you only',
  undecryptedPending: 'WhatsApp has not decrypted this message yet.', undecryptedFailed: 'WhatsApp could not decrypt this message: read it on the phone.',
  quoteMissing: 'An earlier message', goToQuoted: 'Go to the message answered', reactions: 'Reactions',
  location: 'Location', contact: 'Contact', poll: 'Poll', pollMany: 'more than one answer allowed', votes: (/** @type {number} */ n) => count(n, 'vote', 'votes'),
  kinds: { image: 'Photo', video: 'Video', gif: 'GIF', ptt: 'Voice message', audio: 'Audio', document: 'Document', sticker: 'Sticker', ptv: 'Video message' },
  mediaState: { pending: 'being fetched', stored: '', skipped: 'too large to keep: see it on the phone', failed: 'could not be fetched: see it on the phone' },
  call: 'Call', unknownType: (/** @type {string} */ type) => `A message of a kind that is not shown here (${type}): see it on the phone.`,
  notice: (/** @type {string} */ type) => `Notice of WhatsApp (${type})`,
  firstSeen: (/** @type {string} */ day) => `Lead since ${day}`,
  whatsapp: 'WhatsApp', health: 'LeadMaster', connectionIs: 'WhatsApp:',
  pill: { INIT: 'Starting', QR_REQUIRED: 'Scan the QR', AUTHENTICATED: 'Syncing', READY: 'Connected', DISCONNECTED: 'Not connected', ERROR: 'Fault', PROBLEM: 'Not reachable', UNKNOWN: 'Asking…' },
  status: {
    INIT: 'WhatsApp Web is starting.', QR_REQUIRED: 'Link your WhatsApp: scan this code with your phone.', AUTHENTICATED: 'Linked. WhatsApp Web is syncing.',
    READY: 'Connected: every message is being captured.', DISCONNECTED: 'Not connected.', ERROR: 'There is a fault. LeadMaster keeps trying; have a look:'
  },
  qrSteps: ['Open WhatsApp on your phone.', 'Go to Settings, then Linked devices.', 'Tap “Link a device” and point the phone at the code.'],
  qrAlt: 'QR code to link your WhatsApp', qrLeft: (/** @type {number} */ n, /** @type {string} */ time) => `Code ${n}, valid for another ${time}`,
  qrExpired: 'This code has expired. The next one is on its way…', qrWaiting: 'The code is on its way…',
  nextAttempt: (/** @type {string} */ time) => `Next attempt in ${time}`, attemptNow: 'Next attempt now', tries: (/** @type {number} */ n) => count(n, 'attempt failed', 'attempts failed in a row'),
  as: 'Account', number: 'Number', since: 'Since', lastMessage: 'Last message', captured: 'Records captured', filling: 'Reading back what was missed', blocked: 'Attempts to send that were stopped',
  connect: 'Connect', disconnect: 'Disconnect', unlink: 'Unlink this device…', working: 'Working…',
  unlinkTitle: 'Unlink this device?', unlinkText: 'LeadMaster stops capturing messages until someone scans a new QR code. What was captured stays. To pause only, use “Disconnect”.', unlinkYes: 'Unlink',
  callQr: 'WhatsApp is not linked: scan the QR', callLost: 'No messages are coming in: see why',
  healthy: 'Everything works.', unhealthy: 'Something needs attention:', checks: { store: 'Database', 'session-manager': 'session-manager', following: 'Capture of messages' }, fine: 'works', bad: 'does not work'
}

/** @type {typeof en} */
const es = {
  connecting: 'Conectando…', language: 'Idioma', signIn: 'Entrar', signOut: 'Salir', token: 'Clave de acceso',
  tokenHint: 'El valor de HUB_API_TOKEN en central-hub.env, en el servidor.',
  signInWrong: 'Esa no es la clave de acceso.', signedOut: 'La sesión se cerró. Entra para seguir: lo que escribiste se conserva.',
  tryAgain: 'Reintentar', cancel: 'Cancelar', back: 'Volver a la lista', loading: 'Cargando…',
  lost: 'Se perdió la conexión con LeadMaster. Se está reintentando; lo que escribas se conserva.',
  noAnswer: 'LeadMaster no responde.', failed: 'No se pudo hacer.', notFound: 'Ya no está ahí.', tooLong: 'El texto es demasiado largo.',
  unreachable: 'No se llega a session-manager, el servicio que escucha a WhatsApp.',
  strange: 'Lo que responde en lugar de session-manager no sirve.', refused: 'Eso no está permitido.',
  leads: 'Clientes', search: 'Buscar clientes', searchHint: 'Nombre o teléfono', stateFilter: 'Qué clientes',
  active: 'Sin ignorados', all: 'Todos', waiting: 'Esperan respuesta', recent: 'Recientes', more: 'Cargar más',
  nobodyWaits: 'Nadie está esperando.', noRecent: 'No hay más clientes.', noMatch: 'Ningún cliente coincide.',
  noLeads: 'Todavía no hay clientes. Quien escriba a tu WhatsApp aparecerá aquí al momento.',
  waits: (time) => `espera ${time}`, unknownName: 'Número desconocido',
  stateOf: { new: 'Nuevo', open: 'En curso', won: 'Ganado', lost: 'Perdido', ignored: 'Ignorado' },
  chooseLead: 'Elige un cliente para leer la conversación.', newFrom: (name) => `Mensaje nuevo de ${name}`,
  leadForm: 'Sobre este cliente', state: 'Estado', note: 'Nota', noteHint: 'Nota: solo la ve tu equipo', saving: 'Guardando…', saved: 'Guardado', notSaved: 'No se guardó:',
  unsaved: 'Sin guardar', changedElsewhere: 'Alguien cambió esta nota mientras tanto. Si guardas la tuya, sustituye a esta:',
  reply: 'Responder en WhatsApp Web', newTab: '(abre otra pestaña)', replyHint: 'LeadMaster nunca envía nada. Responde en WhatsApp; tu respuesta aparecerá aquí.',
  noPhone: 'WhatsApp no ha dicho el número de esta persona: responde desde el teléfono.',
  messages: 'Mensajes', older: 'Cargar mensajes anteriores', begin: 'La conversación empieza aquí.', noMessages: 'No hay mensajes.',
  you: 'Tú', edited: 'editado', forwarded: 'Reenviado', deletedBySender: 'Eliminado por quien lo escribió', deletedByMe: 'Eliminado en tu teléfono, solo para ti',
  undecryptedPending: 'WhatsApp todavía no ha descifrado este mensaje.', undecryptedFailed: 'WhatsApp no pudo descifrar este mensaje: léelo en el teléfono.',
  quoteMissing: 'Un mensaje anterior', goToQuoted: 'Ir al mensaje respondido', reactions: 'Reacciones',
  location: 'Ubicación', contact: 'Contacto', poll: 'Encuesta', pollMany: 'se puede elegir más de una', votes: (n) => count(n, 'voto', 'votos'),
  kinds: { image: 'Foto', video: 'Vídeo', gif: 'GIF', ptt: 'Mensaje de voz', audio: 'Audio', document: 'Documento', sticker: 'Sticker', ptv: 'Videomensaje' },
  mediaState: { pending: 'descargándose', stored: '', skipped: 'demasiado grande para guardarlo: míralo en el teléfono', failed: 'no se pudo descargar: míralo en el teléfono' },
  call: 'Llamada', unknownType: (type) => `Un mensaje de un tipo que aquí no se muestra (${type}): míralo en el teléfono.`,
  notice: (type) => `Aviso de WhatsApp (${type})`,
  firstSeen: (day) => `Cliente desde el ${day}`,
  whatsapp: 'WhatsApp', health: 'LeadMaster', connectionIs: 'WhatsApp:',
  pill: { INIT: 'Abriendo', QR_REQUIRED: 'Escanea el QR', AUTHENTICATED: 'Sincronizando', READY: 'Conectado', DISCONNECTED: 'Sin conexión', ERROR: 'Avería', PROBLEM: 'Inaccesible', UNKNOWN: 'Preguntando…' },
  status: {
    INIT: 'WhatsApp Web se está abriendo.', QR_REQUIRED: 'Vincula tu WhatsApp: escanea este código con el teléfono.', AUTHENTICATED: 'Vinculado. WhatsApp Web se está sincronizando.',
    READY: 'Conectado: se captura cada mensaje.', DISCONNECTED: 'Sin conexión.', ERROR: 'Hay una avería. LeadMaster sigue intentándolo; conviene mirarla:'
  },
  qrSteps: ['Abre WhatsApp en el teléfono.', 'Ve a Ajustes y luego a Dispositivos vinculados.', 'Toca «Vincular un dispositivo» y apunta al código.'],
  qrAlt: 'Código QR para vincular tu WhatsApp', qrLeft: (n, time) => `Código ${n}, válido ${time} más`,
  qrExpired: 'Este código caducó. El siguiente está en camino…', qrWaiting: 'El código está en camino…',
  nextAttempt: (time) => `Próximo intento en ${time}`, attemptNow: 'Próximo intento ahora', tries: (n) => count(n, 'intento fallido', 'intentos fallidos seguidos'),
  as: 'Cuenta', number: 'Número', since: 'Desde', lastMessage: 'Último mensaje', captured: 'Registros capturados', filling: 'Recuperando lo que faltaba', blocked: 'Intentos de envío impedidos',
  connect: 'Conectar', disconnect: 'Desconectar', unlink: 'Desvincular este dispositivo…', working: 'En ello…',
  unlinkTitle: '¿Desvincular este dispositivo?', unlinkText: 'LeadMaster deja de capturar mensajes hasta que alguien escanee un código QR nuevo. Lo capturado se conserva. Para solo pausar, usa «Desconectar».', unlinkYes: 'Desvincular',
  callQr: 'WhatsApp no está vinculado: escanea el QR', callLost: 'No entran mensajes: mira por qué',
  healthy: 'Todo funciona.', unhealthy: 'Algo necesita atención:', checks: { store: 'Base de datos', 'session-manager': 'session-manager', following: 'Captura de mensajes' }, fine: 'funciona', bad: 'no funciona'
}

const languages = { en, es }
const remembered = 'leadmaster-language'

/** @returns {'en' | 'es'} */
const firstLanguage = () => {
  const wanted = [localStorage.getItem(remembered) ?? '', ...navigator.languages].map((name) => name.slice(0, 2).toLowerCase())
  return /** @type {'en' | 'es' | undefined} */ (wanted.find((name) => name in languages)) ?? 'en'
}

let language = firstLanguage()
/** How this person writes numbers and times, if they have said so for the language chosen. */
const locale = () => navigator.languages.find((name) => name.toLowerCase().startsWith(language)) ?? language
/** The texts of the language chosen. */
export let texts = languages[language]

/** @param {'en' | 'es'} chosen */
export const setLanguage = (chosen) => {
  language = chosen
  texts = languages[chosen]
  localStorage.setItem(remembered, chosen)
}

/** Puts the texts into what stands in index.html. */
export const writeStaticTexts = () => {
  document.documentElement.lang = language
  const known = /** @type {Record<string, unknown>} */ (texts)
  for (const element of document.querySelectorAll('[data-text]')) element.textContent = String(known[element.getAttribute('data-text') ?? ''])
  for (const element of document.querySelectorAll('[data-label]')) element.setAttribute('aria-label', String(known[element.getAttribute('data-label') ?? '']))
  for (const element of document.querySelectorAll('[data-hint]')) element.setAttribute('placeholder', String(known[element.getAttribute('data-hint') ?? '']))
  for (const select of document.querySelectorAll('.language-select')) /** @type {HTMLSelectElement} */ (select).value = language
}

/** What went wrong, in plain words, and the detail as the hub gives it, which says what to change.
 * @param {unknown} error @returns {{ words: string, detail: string }} */
export const explain = (error) => {
  const { kind = '', problem = undefined } = /** @type {Partial<import('./api.js').ApiError>} */ (error ?? {})
  return { words: wordsFor(kind), detail: problem?.detail ?? (kind === 'no-answer' ? '' : (problem?.title ?? String(error))) }
}
/** @param {string} kind the last part of a problem's type */
export const wordsFor = (kind) =>
  ({
    'no-answer': texts.noAnswer, 'not-found': texts.notFound, 'payload-too-large': texts.tooLong, forbidden: texts.refused,
    'session-manager-unreachable': texts.unreachable, 'session-manager-invalid': texts.strange
  })[kind] ?? texts.failed

const minute = 60, hour = 60 * minute, day = 24 * hour

/** How long, in its largest unit: `5m`, `3h`, `2d`. @param {number} ms */
export const duration = (ms) => {
  const s = Math.max(0, Math.round(ms / 1_000))
  const [unit, size] = s < minute ? ['second', 1] : s < hour ? ['minute', minute] : s < day ? ['hour', hour] : ['day', day]
  return new Intl.NumberFormat(locale(), { style: 'unit', unit: String(unit), unitDisplay: 'narrow' }).format(Math.floor(s / Number(size)))
}

/** @param {Date} date @param {Intl.DateTimeFormatOptions} options */
const write = (date, options) => new Intl.DateTimeFormat(locale(), options).format(date)
/** @param {Date} a @param {Date} b */
const sameDay = (a, b) => a.toDateString() === b.toDateString()

/** @param {Date} date */
export const clock = (date) => write(date, { hour: 'numeric', minute: '2-digit' })

/** `today`, `yesterday`, a weekday of this week, or the date. @param {Date} date @param {number} now ms */
export const dayOf = (date, now) => {
  for (const back of [0, 1]) {
    if (sameDay(date, new Date(now - back * day * 1_000))) {
      const name = new Intl.RelativeTimeFormat(locale(), { numeric: 'auto' }).format(-back, 'day')
      return name[0]?.toUpperCase() + name.slice(1)
    }
  }
  return write(date, now - date.getTime() < 6 * day * 1_000 ? { weekday: 'long' } : { day: 'numeric', month: 'short', year: 'numeric' })
}

/** The clock for today, else the day. @param {Date} date @param {number} now ms */
export const when = (date, now) => (sameDay(date, new Date(now)) ? clock(date) : dayOf(date, now))

/** @param {Date} date */
export const dateTime = (date) => write(date, { dateStyle: 'medium', timeStyle: 'short' })

/** @param {number} bytes */
export const size = (bytes) => {
  const [unit, by] = bytes < 1e6 ? ['kilobyte', 1e3] : ['megabyte', 1e6]
  return new Intl.NumberFormat(locale(), { style: 'unit', unit: String(unit), maximumFractionDigits: 1 }).format(bytes / Number(by))
}

/** @param {{ name: string | null, phone: string | null }} lead */
export const nameOf = ({ name, phone }) => name ?? phone ?? texts.unknownName
